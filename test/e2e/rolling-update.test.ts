// Pods are replaced while clients come at a steady rate: not one of them may notice. Holds in every proxy mode; another than the
// default is tried with FAIRLEAD_LAB_UP='--proxy-mode userspace'.

import { beforeAll, expect, test } from 'vitest'
import type { Service } from '../../api/generated/types.ts'
import {
  apply,
  freshNamespace,
  getJson,
  kubectl,
  service,
  startKubectl,
  testboxDeployment,
  testboxPod,
} from '../support/lab.ts'
import { connectionsPerSecond, describeLoad, type Load, leastOpened, pacedClient } from '../support/paced-client.ts'

const replicas = 4
let namespace: string

beforeAll(async () => {
  namespace = await freshNamespace('e2e-rolling-update')
  await apply(
    testboxPod({ namespace, name: 'box' }),
    testboxDeployment({ namespace, name: 'busy', replicas }),
    service(namespace, 'busy'),
  )
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/busy', '--timeout=60s')
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/box', '--timeout=60s')
  await kubectl('cp', '-n', namespace, pacedClient, 'box:/tmp/client.mjs')
})

/** Calls the Service from a pod for as long as the work takes. */
async function loadWhile(work: () => Promise<void>): Promise<Load> {
  const { spec } = await getJson<Service>('service', '-n', namespace, 'busy')
  const words = ['node', '/tmp/client.mjs', `http://${spec?.clusterIP}`, String(connectionsPerSecond)]
  const calling = startKubectl('exec', '-i', '-n', namespace, 'box', '--', ...words)
  try {
    await work()
  } finally {
    calling.stdin.end()
  }
  const { exitCode, stdout, stderr } = await calling
  if (exitCode !== 0) throw new Error(`the client ended with ${exitCode}: ${stderr}`)
  return JSON.parse(stdout)
}

test('a rolling update under as many connections as the machine serves, a thousand a second at most, loses none', async () => {
  const load = await loadWhile(async () => {
    await kubectl('set', 'env', '-n', namespace, 'deployment/busy', 'TEXT=second')
    await kubectl('rollout', 'status', '-n', namespace, 'deployment/busy', '--timeout=120s')
  })
  console.log(describeLoad(load))
  expect(load.failed).toEqual({})
  expect(load.opened).toBeGreaterThan(leastOpened)
  // Old pods and new ones: the update happened under the load.
  expect(Object.keys(load.answeredBy).length).toBeGreaterThan(replicas)
})
