// NetworkPolicies in a real cluster: applied with kubectl, felt by curl, in force before a container's first packet and
// while the agent is dead.

import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { NetworkPolicy, Pod, Service } from '../../api/generated/types.ts'
import { daemonPid } from '../../lab/daemon.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import {
  apply,
  execIn,
  freshNamespace,
  getJson,
  kubectl,
  lab,
  onNode,
  service,
  startKubectl,
  testboxPod,
  tryKubectl,
} from '../support/lab.ts'

const within = { timeout: 10_000, interval: 100 }
const [near, far] = lab.nodes as [NodeLayout, NodeLayout]
let namespace: string
let serviceIp: string
let webIpv4: string
let webIpv6: string

beforeAll(async () => {
  namespace = await freshNamespace('e2e-policy')
  await apply(
    testboxPod({ namespace, name: 'web', nodeName: near.name }),
    testboxPod({ namespace, name: 'neighbour', nodeName: near.name }),
    testboxPod({ namespace, name: 'stranger', nodeName: far.name }),
    service(namespace, 'web'),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  serviceIp = (await getJson<Service>('service', '-n', namespace, 'web')).spec?.clusterIP ?? ''
  const web = await getJson<Pod>('pod', '-n', namespace, 'web')
  ;[webIpv4 = '', webIpv6 = ''] = (web.status?.podIPs ?? []).map(({ ip }) => ip ?? '')
})

afterEach(async () => await kubectl('delete', 'networkpolicy', '-n', namespace, '--all'))

const policy = (name: string, spec: NetworkPolicy['spec']) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace, name },
  spec,
})
const denyAll = () => policy('deny-all', { podSelector: {}, policyTypes: ['Ingress'] })
const toWeb = (spec: object) => policy('to-web', { podSelector: { matchLabels: { app: 'web' } }, ...spec })

/** "web" when the Service answers the pod, else "". */
async function ask(pod: string): Promise<string> {
  return await execIn(namespace, pod, 'sh', '-c', `curl -s --max-time 2 http://${serviceIp}/hostname || true`)
}

const askBoth = async () => await Promise.all(['neighbour', 'stranger'].map(ask))
const eventually = async (answers: string[]) =>
  await vi.waitFor(async () => expect(await askBoth()).toEqual(answers), within)

/** The node's rules without what counts. */
const rulesOf = async (node: NodeLayout) =>
  (await onNode(node, 'nft', '-s', 'list', 'table', 'inet', 'fairlead-policy')).stdout
/** With what counts. */
const countedRulesOf = async (node: NodeLayout) =>
  (await onNode(node, 'nft', 'list', 'table', 'inet', 'fairlead-policy')).stdout

test('a Service is closed by deny-all and opened by a policy for some, and free again without policies', async () => {
  expect(await askBoth()).toEqual(['web', 'web'])
  await apply(denyAll())
  await eventually(['', ''])
  await apply(
    toWeb({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'stranger' } } }], ports: [{ port: 'http' }] }] }),
  )
  await eventually(['', 'web'])
  expect(await countedRulesOf(near)).toMatch(
    /counter packets [1-9]\d* bytes \d+ drop comment "policy drop ingress of e2e-policy\/web"/,
  )
  await kubectl('delete', 'networkpolicy', '-n', namespace, '--all')
  await eventually(['web', 'web'])
  expect(await rulesOf(near)).not.toContain(namespace)
})

test('IPv6 is closed and opened with IPv4, for ping too', async () => {
  const ways = [
    `curl -s --max-time 2 http://[${webIpv6}]:8080/hostname`,
    `ping -c 1 -W 1 ${webIpv6} >/dev/null && echo pong`,
  ]
  const tryBoth = async () =>
    await Promise.all(
      ways.map(async (way) => (await execIn(namespace, 'stranger', 'sh', '-c', `${way} || true`)).trim()),
    )
  expect(await tryBoth()).toEqual(['web', 'pong'])
  await apply(denyAll())
  await vi.waitFor(async () => expect(await tryBoth()).toEqual(['', '']), within)
  await apply(toWeb({ ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] }))
  await vi.waitFor(async () => expect(await tryBoth()).toEqual(['web', '']), within)
})

test('an open connection falls silent when a policy forbids it, and goes on when none does', async () => {
  const chat = `while sleep 0.2; do echo hello; done | socat - TCP:${webIpv4}:8081`
  const stream = startKubectl('exec', '-n', namespace, 'stranger', '--', 'sh', '-c', chat)
  let lastMs = 0
  stream.stdout?.on('data', () => {
    lastMs = Date.now()
  })
  const silence = () => Date.now() - lastMs
  try {
    await vi.waitFor(() => expect(lastMs).toBeGreaterThan(0), within)
    await apply(denyAll())
    await vi.waitFor(() => expect(silence()).toBeGreaterThan(2_000), within)
    await kubectl('delete', 'networkpolicy', '-n', namespace, '--all')
    await vi.waitFor(() => expect(silence()).toBeLessThan(1_000), { ...within, timeout: 30_000 })
  } finally {
    stream.kill()
  }
})

test("probes of the pod's own node pass, whatever policies say", async () => {
  await apply(policy('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }))
  await eventually(['', ''])
  // Three failures in a row, one a second, would make it unready.
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  const { status } = await getJson<Pod>('pod', '-n', namespace, 'web')
  expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
})

test('a new pod is isolated before its first packet', async () => {
  const noWayOut = { podSelector: { matchLabels: { app: 'eager' } }, policyTypes: ['Egress'] }
  await apply(policy('no-way-out', noWayOut))
  const script = `i=0; while [ $i -lt 20 ]; do curl -s --connect-timeout 0.05 http://${serviceIp}/hostname && echo; i=$((i+1)); done; echo done`
  for (const name of ['eager', 'free']) {
    const pod = testboxPod({ namespace, name, nodeName: near.name }) as Pod
    const [container] = pod.spec?.containers ?? []
    const { readinessProbe: _, ...rest } = container ?? { name: 'testbox' }
    const containers = [{ ...rest, command: ['sh', '-c', script] }]
    await apply({ ...pod, spec: { ...pod.spec, restartPolicy: 'Never', containers } })
  }
  const pods = ['pod/eager', 'pod/free']
  await kubectl('wait', '-n', namespace, '--for=jsonpath={.status.phase}=Succeeded', ...pods, '--timeout=60s')
  expect((await kubectl('logs', '-n', namespace, 'eager')).trim()).toBe('done')
  expect(await kubectl('logs', '-n', namespace, 'free')).toContain('web')
})

test('while the agent is dead its rules stand, and its next life finds nothing to write', async () => {
  await apply(denyAll(), toWeb({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'stranger' } } }] }] }))
  await eventually(['', 'web'])
  const before = await rulesOf(near)
  const handles = async () => (await onNode(near, 'nft', '-s', '-a', 'list', 'table', 'inet', 'fairlead-policy')).stdout
  const handlesBefore = await handles()
  const killed = daemonPid(near, 'agent')
  if (killed !== undefined) process.kill(killed, 'SIGKILL')
  // The far node's agent still runs what is asked there.
  const { status } = await getJson<Pod>('pod', '-n', namespace, 'neighbour')
  const closed = `curl -s --max-time 2 http://${status?.podIP}:8080/ || true`
  expect([await ask('stranger'), await execIn(namespace, 'stranger', 'sh', '-c', closed)]).toEqual(['web', ''])
  await vi.waitFor(() => expect([undefined, killed]).not.toContain(daemonPid(near, 'agent')), within)
  await apply(testboxPod({ namespace, name: 'after', nodeName: near.name }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/after', '--timeout=60s')
  // The new pod has its chain; nothing else was made anew: every rule has the handle that it had.
  const kept = new Set((await handles()).split('\n'))
  const lines = handlesBefore.split('\n').filter((line) => /# handle \d+$/.test(line) && !line.includes('table'))
  expect(lines.filter((line) => !kept.has(line))).toEqual([])
  expect(before).toContain(`pod/${namespace}/web/ingress`)
  await kubectl('delete', 'pod', '-n', namespace, 'after')
})

test('what is not a policy is refused with the field and the reason', async () => {
  const bad = policy('bad', { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] })
  const { exitCode, stderr } = await tryKubectl(['apply', '-f', '-'], { input: JSON.stringify(bad) })
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0/33"')
  expect(await kubectl('get', 'netpol', '-n', namespace)).toBe('')
})
