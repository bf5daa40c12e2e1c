import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Deployment } from '../../api/generated/types.ts'
import { admitPod } from '../../api/resources/pod-spec/admission.ts'

const text = readFileSync(join(import.meta.dirname, 'dns.yaml'), 'utf8')
const objects = [...parseAllDocuments(text)].map((document) => document.toJS())
const deployment: Deployment = objects.find(({ kind }) => kind === 'Deployment')

test('its pods are the cluster’s own, which are not evicted for want of memory', () => {
  const pod = { metadata: { name: 'dns' }, spec: structuredClone(deployment.spec?.template.spec) }
  if (pod.spec === undefined) throw new Error('the template has no spec')
  admitPod(pod as Parameters<typeof admitPod>[0])
  // https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/
  expect(pod.spec.priority).toBeGreaterThanOrEqual(2_000_000_000)
})
