// Pod start and idle memory, measured on a one-node lab of their own.

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import type { Client } from '../../api/client/client.ts'
import type { Pod } from '../../api/generated/types.ts'
import { pods } from '../../api/resources/pods.ts'
import { step } from '../../host/progress.ts'
import { daemonPid } from '../../lab/daemon.ts'
import { down } from '../../lab/down.ts'
import type { LabLayout, NodeLayout } from '../../lab/layout.ts'
import { dockerSocket } from '../../lab/node.ts'
import { adminClient, up } from '../../lab/up.ts'
import { range } from '../support/figures.ts'

const labName = 'bench'
const rounds = 15
const namespace = 'default'

/** Brings a lab up, measures, and takes it down. */
export async function benchPods(): Promise<void> {
  await down(labName)
  try {
    const lab = await up(labName, { nodes: 1, proxyMode: 'iptables', network: 'host-gw' })
    await podStart(lab)
    await memory(lab)
  } finally {
    await down(labName)
  }
}

/** A pod from create to Running, scheduler and all, against `docker run` of the same two containers on the same daemon. */
async function podStart(lab: LabLayout): Promise<void> {
  const [node] = lab.nodes as [NodeLayout]
  const client = adminClient(lab)
  const ours: number[] = []
  const bare: number[] = []
  await step(`pod start, ${rounds} rounds`, async () => {
    for (let round = 0; round <= rounds; round++) {
      const [podMs, dockerMs] = [await timePod(client, `bench-${round}`), await timeDocker(node, `bench-${round}`)]
      if (round > 0) {
        ours.push(podMs)
        bare.push(dockerMs)
      }
    }
  })
  const ratios = ours.map((ms, index) => ms / (bare[index] ?? Number.NaN))
  console.log(`pod start         ${range(ours, 'ms')}`)
  console.log(`docker run, both  ${range(bare, 'ms')}`)
  console.log(`ratio             ${range(ratios, '', 2)}`)
}

async function timePod(client: Client, name: string): Promise<number> {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'main', image: 'fairlead/testbox:1', imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000'] },
      ],
    },
  }
  const stop = new AbortController()
  const started = performance.now()
  await client.create(pods, pod)
  for await (const { object } of client.watch(pods, {
    namespace,
    fieldSelector: `metadata.name=${name}`,
    signal: stop.signal,
  })) {
    if (object.status?.phase === 'Running') break
  }
  const tookMs = performance.now() - started
  stop.abort()
  await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 })
  await pause(500)
  return tookMs
}

async function timeDocker(node: NodeLayout, name: string): Promise<number> {
  const docker = (...args: string[]) => execa('docker', ['--host', `unix://${dockerSocket(node)}`, ...args])
  const started = performance.now()
  await docker(
    'run',
    '--detach',
    '--name',
    `${name}-pause`,
    '--network',
    'none',
    '--ipc',
    'shareable',
    'fairlead/pause:1',
  )
  await docker(
    'run',
    '--detach',
    '--name',
    `${name}-main`,
    '--network',
    `container:${name}-pause`,
    '--ipc',
    `container:${name}-pause`,
    'fairlead/testbox:1',
    'sleep',
    '1000',
  )
  const tookMs = performance.now() - started
  await docker('rm', '--force', `${name}-main`, `${name}-pause`)
  return tookMs
}

/** Resident memory of the idle programs. */
async function memory(lab: LabLayout): Promise<void> {
  await step('idle for 30 s', () => pause(30_000))
  const [node] = lab.nodes as [NodeLayout]
  for (const [name, pid] of [
    ['control plane', daemonPid(lab.controlPlane, 'control-plane')],
    ['agent', daemonPid(node, 'agent')],
  ] as const) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const megabytes = (field: string) =>
      (Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(rollup)?.[1]) / 1024).toFixed(0)
    console.log(
      `${name.padEnd(17)} ${megabytes('Rss')} MB resident, of that ${megabytes('Private_Dirty')} MB its own; ${megabytes('Pss')} MB in proportion`,
    )
  }
}
