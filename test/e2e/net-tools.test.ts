// `net trace` and `net verify` on a real cluster: what is broken is named and mended, and the trace proves both by a packet.

import { beforeAll, expect, test } from 'vitest'
import type { Node } from '../../api/generated/types.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { apply, fairlead, freshNamespace, getJson, kubectl, lab, service, testboxPod } from '../support/lab.ts'
import { type Breakage, endOf, expectFoundAndMended, trace, verify } from '../support/net-tools.ts'

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

const tracePods = (from: string, to: string, ...more: string[]) => trace(namespace, from, to, ...more)

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
  const { trace: traced, exitCode } = await tracePods(from, to, ...more)
  expect(traced.proof).toMatchObject({ agrees: true, differences: [], outcome: 'answered' })
  expect(endOf(traced)).toMatchObject({ outcome: expect.stringMatching(/delivered|left/), cause: 'none' })
  expect(exitCode).toBe(0)
})

test('a healthy cluster differs in nothing', async () => {
  expect(await verify()).toEqual(lab.nodes.map(({ name }) => ({ node: name, differences: [], errors: [] })))
})

const breakages: Breakage[] = [
  {
    name: "the route to the other node's pods is gone",
    node: near,
    command: () => `ip route del ${ranges.get(far.name)}`,
    to: 'pod/c',
    cause: 'route-wrong',
    names: / via /,
  },
  {
    name: 'forwarding is off',
    node: far,
    command: () => 'sysctl -qw net.ipv4.ip_forward=0',
    to: 'pod/c',
    cause: 'forwarding-off',
    names: /net\.ipv4\.ip_forward/,
  },
  {
    name: "the chain of Services' addresses was flushed",
    node: near,
    command: () => 'iptables -t nat -F KUBE-SERVICES',
    to: 'svc/c',
    cause: 'not-served',
    names: /KUBE-SERVICES/,
  },
  {
    name: 'the jump to the node ports is gone',
    node: far,
    command: () => 'iptables -t nat -F KUBE-NODEPORTS',
    from: 'outside',
    to: `node/${far.name}:31580`,
    cause: 'not-served',
    names: /KUBE-NODEPORTS/,
  },
  {
    name: 'masquerading to the outside is gone',
    node: near,
    command: () => 'iptables -t nat -F FAIRLEAD-MASQ',
    to: '192.0.2.99:443',
    isNowhere: true,
    cause: 'no-masquerade',
    names: /FAIRLEAD-MASQ/,
  },
  {
    name: "hairpin is off at the pod's port",
    node: near,
    command: () =>
      'for port in $(ip -br link show master cbr0 | cut -d@ -f1); do bridge link set dev $port hairpin off; done',
    to: 'svc/a',
    cause: 'hairpin-off',
    names: /hairpin/,
  },
  {
    name: 'bridged packets pass no connection tracking',
    node: near,
    command: () => 'sysctl -qw net.bridge.bridge-nf-call-iptables=0',
    to: 'svc/c',
    cause: 'none',
    names: /bridge-nf-call-iptables/,
  },
]

// The agent mends by itself once a minute; a test that it was quicker than is run again.
test.each(breakages)('$name: verify names it, and mends it', { retry: 2 }, (breakage) =>
  expectFoundAndMended(namespace, breakage),
)

test('a network policy is named with the count of what it dropped', async () => {
  await apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'closed', namespace },
    spec: { podSelector: { matchLabels: { app: 'c' } }, policyTypes: ['Ingress'] },
  })
  try {
    await expect
      .poll(async () => endOf((await tracePods('pod/a', 'pod/c')).trace), { timeout: 10_000 })
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
