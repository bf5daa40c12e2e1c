// The demo that ends `lab up`: a two-replica Deployment and its Service, asked by ClusterIP and by name from a pod on every node,
// with the same commands that a person would use.

import { join } from 'node:path'
import type { Pod } from '../api/generated/types.ts'
import { pods } from '../api/resources/pods.ts'
import { services } from '../api/resources/services.ts'
import { step, waitFor } from '../host/progress.ts'
import { fairlead } from './fairlead.ts'
import type { LabLayout } from './layout.ts'
import { root } from './paths.ts'
import { adminClient } from './up.ts'

interface DemoRow {
  node: string
  from: string
  url: string
  answeredBy: string
}

/** Runs the demo and prints its table. Throws when any node's pod got no answer. */
export async function demo(lab: LabLayout): Promise<void> {
  const client = adminClient(lab)
  await step('demo: kubectl apply, two replicas ready', async () => {
    await fairlead(lab, ['apply', '-f', join(root, 'docs', 'examples', 'web.yaml')])
    await fairlead(lab, ['rollout', 'status', 'deployment/web', '--timeout', '60s'])
    for (const { name } of lab.nodes) await ensureProbe(lab, name)
    await waitFor('a running probe pod on every node', 60_000, async () => {
      const { items } = await client.list(pods, { namespace: 'default', labelSelector: 'app=probe' })
      return items.filter(({ status }) => status?.phase === 'Running').length === lab.nodes.length ? true : undefined
    })
  })
  const service = await client.get(services, { namespace: 'default', name: 'web' })
  const urls = [`http://${service.spec.clusterIP}/hostname`, 'http://web/hostname']
  const rows = await step(`demo: curl ${urls.join(' and ')} from a pod on every node`, () =>
    Promise.all(lab.nodes.flatMap(({ name }) => urls.map((url) => ask(lab, name, url)))),
  )
  console.log(['NODE', 'FROM POD', 'URL', 'ANSWERED BY'].map(pad).join(''))
  for (const row of rows) console.log([row.node, row.from, row.url, row.answeredBy].map(pad).join(''))
}

const pad = (cell: string) => cell.padEnd(34)

async function ensureProbe(lab: LabLayout, nodeName: string): Promise<void> {
  const client = adminClient(lab)
  const { items } = await client.list(pods, { namespace: 'default', fieldSelector: `metadata.name=probe-${nodeName}` })
  if (items.length > 0) return
  const probe: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `probe-${nodeName}`, namespace: 'default', labels: { app: 'probe' } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': nodeName },
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'probe', image: 'fairlead/testbox:1', imagePullPolicy: 'IfNotPresent', command: ['sleep', 'infinity'] },
      ],
    },
  }
  await client.create(pods, probe)
}

async function ask(lab: LabLayout, nodeName: string, url: string): Promise<DemoRow> {
  // The Service's rules may reach this node's kernel a moment after the pods are ready.
  const answeredBy = await waitFor(`an answer of ${url} to a pod on ${nodeName}`, 10_000, async () => {
    const answer = await fairlead(lab, [
      'exec',
      `probe-${nodeName}`,
      '--',
      'curl',
      '--silent',
      '--show-error',
      '--fail',
      '--max-time',
      '3',
      url,
    ])
    return answer.trim() || undefined
  })
  return { node: nodeName, from: `probe-${nodeName}`, url, answeredBy }
}
