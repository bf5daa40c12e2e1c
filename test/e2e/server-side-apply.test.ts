// kubectl apply --server-side, as a person would: what others have changed is not overwritten unawares.

import { beforeAll, expect, test } from 'vitest'
import { freshNamespace, kubectl, tryKubectl } from '../support/lab.ts'

let namespace: string
const manifest = (replicas: number, image = 'fairlead/testbox:one') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { team: 'red' } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { nodeSelector: { nowhere: 'yes' }, containers: [{ name: 'web', image }] },
    },
  },
})

const apply = (object: object, ...more: string[]) =>
  tryKubectl(['apply', '-n', namespace, '--server-side', ...more, '-f', '-'], { input: JSON.stringify(object) })
const read = (path: string) => kubectl('get', 'deployment', '-n', namespace, 'web', '-o', `jsonpath=${path}`)

beforeAll(async () => {
  namespace = await freshNamespace('e2e-apply')
})

test('a change of somebody else is a conflict, which force resolves', async () => {
  expect((await apply(manifest(0))).stdout).toBe('deployment.apps/web serverside-applied')
  await kubectl('scale', 'deployment', '-n', namespace, 'web', '--replicas=1')
  const refused = await apply(manifest(0))
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^error: Apply failed with 1 conflict: conflict with "kubectl".*: .spec.replicas\n/),
  ])
  expect(await read('{.spec.replicas}')).toBe('1')
  expect((await apply(manifest(0), '--force-conflicts')).exitCode).toBe(0)
  expect(await read('{.spec.replicas}')).toBe('0')
})

test('a label that is no longer applied goes, one that somebody else has set stays', async () => {
  expect((await apply(manifest(0))).exitCode).toBe(0)
  await kubectl('label', 'deployment', '-n', namespace, 'web', 'shift=night')
  expect((await apply({ ...manifest(0), metadata: { name: 'web' } })).exitCode).toBe(0)
  expect(await read('{.metadata.labels}')).toBe('{"shift":"night"}')
})

test('diff tells what an apply would change, and changes nothing', async () => {
  expect((await apply(manifest(0), '--force-conflicts')).exitCode).toBe(0)
  const input = JSON.stringify(manifest(0, 'fairlead/testbox:two'))
  const { exitCode, stdout } = await tryKubectl(['diff', '-n', namespace, '--server-side', '-f', '-'], { input })
  expect([exitCode, stdout]).toEqual([1, expect.stringContaining('+      - image: fairlead/testbox:two')])
  expect(await read('{.spec.template.spec.containers[0].image}')).toBe('fairlead/testbox:one')
})

test('what kubectl applied by itself before is taken over without a conflict', async () => {
  const settings = (text: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: { text },
  })
  const input = JSON.stringify(settings('old'))
  expect((await tryKubectl(['apply', '-n', namespace, '-f', '-'], { input })).exitCode).toBe(0)
  expect((await apply(settings('new'))).stdout).toBe('configmap/settings serverside-applied')
  expect(await kubectl('get', 'configmap', '-n', namespace, 'settings', '-o', 'jsonpath={.data.text}')).toBe('new')
})
