// `net trace` and `net verify` on a real cluster: what is broken is named and mended, and the trace proves both by a packet.

import { beforeAll, expect, test } from 'vitest'
import type { Node } from '../../api/generated/types.ts'
import type { VerifyAnswer } from '../../api/net/requests.ts'
import type { End, Trace } from '../../api/net/trace.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { apply, fairlead, freshNamespace, getJson, kubectl, lab, onNode, service, testboxPod } from '../support/lab.ts'

const [near, far] = lab.nodes as [NodeLayout, NodeLayout]
let namespace: string
const ranges = new Map<string, string>()

beforeAll(async () => {
  namespace = await freshNamespace('e2e-net-tools')
  await apply(
    testboxPod({ namespace, name: 'a', nodeName: near.name }),
    testboxPod({ namespace, name: 'b', nodeName: near.name }),
    testboxPod({ namespace, name: 'c', nodeName: far.name }),
    service(namespace, 'c', { type: 'NodePort', ports: [{ port: 80, targetPort: 8080, nodePort: 31_580 }] }),
    service(namespace, 'a'),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  for (const { name } of [near, far]) ranges.set(name, (await getJson<Node>('node', name)).spec?.podCIDR ?? '')
})

async function trace(from: string, to: string, ...more: string[]): Promise<{ trace: Trace; exitCode: number }> {
  const args = ['net', 'trace', from, to, '-n', namespace, '-o', 'json', ...more]
  const { stdout, stderr, exitCode } = await fairlead(args)
  if (stdout === '') throw new Error(stderr)
  return { trace: JSON.parse(stdout), exitCode }
}

/** The end that matters: where it failed, or the last. */
function endOf({ paths }: Trace): End {
  const ends = paths.flatMap(({ forward, reply }) => [forward.end, ...(reply === undefined ? [] : [reply.end])])
  const end = ends.find(({ outcome }) => outcome === 'dropped' || outcome === 'refused') ?? ends.at(-1)
  if (end === undefined) throw new Error('no way was found')
  return end
}

async function verify(...more: string[]): Promise<VerifyAnswer[]> {
  return JSON.parse((await fairlead(['net', 'verify', '-o', 'json', ...more])).stdout)
}

test.each([
  { from: 'pod/a', to: 'pod/b' },
  { from: 'pod/a', to: 'pod/c' },
  { from: 'pod/a', to: 'svc/c' },
  { from: 'pod/a', to: 'svc/a' },
  { from: 'pod/a', to: 'pod/c', more: ['--protocol', 'icmp'] },
  { from: `node/${near.name}`, to: 'svc/c' },
  { from: `node/${near.name}`, to: `node/${far.name}:31580` },
  { from: 'pod/a', to: `node/${far.name}:31580` },
  { from: 'outside', to: `node/${near.name}:31580` },
])('a trace from $from to $to ends where a real packet does', async ({ from, to, more = [] }) => {
  const { trace: traced, exitCode } = await trace(from, to, ...more)
  expect(traced.proof).toMatchObject({ agrees: true, differences: [], outcome: 'answered' })
  expect(endOf(traced)).toMatchObject({ outcome: expect.stringMatching(/delivered|left/), cause: 'none' })
  expect(exitCode).toBe(0)
})

test('a healthy cluster differs in nothing', async () => {
  expect(await verify()).toEqual(lab.nodes.map(({ name }) => ({ node: name, differences: [], errors: [] })))
})

interface Breakage {
  name: string
  node: NodeLayout
  /** May hold {range of NODE}. */
  command: string
  from?: string
  to: string
  cause: string
  /** What verify must name. */
  names: RegExp
}

const breakages: Breakage[] = [
  {
    name: "the route to the other node's pods is gone",
    node: near,
    command: `ip route del {range of ${far.name}}`,
    to: 'pod/c',
    cause: 'route-wrong',
    names: / via /,
  },
  {
    name: 'forwarding is off',
    node: far,
    command: 'sysctl -qw net.ipv4.ip_forward=0',
    to: 'pod/c',
    cause: 'forwarding-off',
    names: /net\.ipv4\.ip_forward/,
  },
  {
    name: "the chain of Services' addresses was flushed",
    node: near,
    command: 'iptables -t nat -F KUBE-SERVICES',
    to: 'svc/c',
    cause: 'not-served',
    names: /KUBE-SERVICES/,
  },
  {
    name: 'the jump to the node ports is gone',
    node: far,
    command: 'iptables -t nat -F KUBE-NODEPORTS',
    from: 'outside',
    to: `node/${far.name}:31580`,
    cause: 'not-served',
    names: /KUBE-NODEPORTS/,
  },
  {
    name: 'masquerading to the outside is gone',
    node: near,
    command: 'iptables -t nat -F FAIRLEAD-MASQ',
    to: '192.0.2.99:443',
    cause: 'no-masquerade',
    names: /FAIRLEAD-MASQ/,
  },
  {
    name: "hairpin is off at the pod's port",
    node: near,
    command:
      'for port in $(ip -br link show master cbr0 | cut -d@ -f1); do bridge link set dev $port hairpin off; done',
    to: 'svc/a',
    cause: 'hairpin-off',
    names: /hairpin/,
  },
  {
    name: 'bridged packets pass no connection tracking',
    node: near,
    command: 'sysctl -qw net.bridge.bridge-nf-call-iptables=0',
    to: 'svc/c',
    cause: 'none',
    names: /bridge-nf-call-iptables/,
  },
]

// The agent mends by itself once a minute; a test that it was quicker than is run again.
test.each(breakages)('$name: verify names it, and mends it', { retry: 2 }, async (breakage) => {
  const { node, command, from = 'pod/a', to, cause, names } = breakage
  const filled = command.replaceAll(/\{range of ([^}]+)\}/g, (_, name: string) => ranges.get(name) ?? '')
  await verify('--repair')
  expect(await onNode(node, 'sh', '-c', filled)).toMatchObject({ exitCode: 0 })
  const broken = await trace(from, to)
  const warning = broken.trace.paths[0]?.warnings[0]?.cause
  expect(warning ?? endOf(broken.trace).cause).toBe(cause)
  expect(broken.trace.proof?.agrees ?? true).toBe(true)
  const found = (await verify()).find((answer) => answer.node === node.name)
  expect(found?.differences.map(({ name, detail = '' }) => `${name} ${detail}`).join('\n')).toMatch(names)
  expect((await verify('--repair')).flatMap(({ differences, errors }) => [...differences, ...errors])).toEqual([])
  if (to.startsWith('192.')) return
  expect((await trace(from, to)).trace.proof).toMatchObject({ agrees: true, outcome: 'answered' })
})

test('a network policy is named with the count of what it dropped', async () => {
  await apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'closed', namespace },
    spec: { podSelector: { matchLabels: { app: 'c' } }, policyTypes: ['Ingress'] },
  })
  try {
    await expect
      .poll(async () => endOf((await trace('pod/a', 'pod/c')).trace), { timeout: 10_000 })
      .toMatchObject({
        cause: 'policy',
        place: { node: far.name },
        rule: { object: `NetworkPolicy ${namespace}/closed`, packets: expect.any(Number) },
      })
    const { stdout, exitCode } = await fairlead(['net', 'trace', 'pod/a', 'pod/c', '-n', namespace])
    expect(stdout).toMatch(
      new RegExp(`dropped at ${far.name}.*\\(policy\\).*NetworkPolicy ${namespace}/closed.*packets so far`),
    )
    expect(exitCode).toBe(1)
  } finally {
    await kubectl('delete', 'networkpolicy', '-n', namespace, 'closed')
  }
})

test('what cannot be traced ends with 2', async () => {
  expect(await fairlead(['net', 'trace', 'pod/nobody', 'svc/c', '-n', namespace])).toMatchObject({
    exitCode: 2,
    stdout: '',
    stderr: expect.stringContaining('nobody'),
  })
})
