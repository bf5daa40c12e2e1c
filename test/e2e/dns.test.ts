// Cluster DNS, asked by pods as any program asks: through their own resolv.conf and the Service kube-dns.

import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test, vi } from 'vitest'
import type { PodList, Service } from '../../api/generated/types.ts'
import { killProcesses } from '../../lab/cgroup.ts'
import { ensureControlPlane } from '../../lab/control-plane.ts'
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
  testboxDeployment,
  testboxPod,
  tryKubectl,
} from '../support/lab.ts'

const patiently = { timeout: 60_000, interval: 100 }
let namespace: string
let zone: string

/** dig's answer section, one word a record, sorted. Names are completed by the search list, as getaddrinfo does. */
async function dig(...words: string[]): Promise<string[]> {
  const output = await execIn(namespace, 'box', 'dig', '+short', '+search', '+time=2', '+tries=2', ...words)
  return output
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

/** The whole of dig's report, for its header and authority. */
const digReport = (...words: string[]) => execIn(namespace, 'box', 'dig', '+time=2', '+tries=2', ...words)

async function clusterIpOf(name: string): Promise<string> {
  const { spec } = await getJson<Service>('service', '-n', namespace, name)
  return spec?.clusterIP ?? ''
}

const member = (name: string, hostname: string) => {
  const pod = testboxPod({ namespace, name }) as { spec: object }
  return {
    ...pod,
    metadata: { name, namespace, labels: { app: 'db' } },
    spec: { ...pod.spec, hostname, subdomain: 'db' },
  }
}

beforeAll(async () => {
  namespace = await freshNamespace('e2e-dns')
  zone = `${namespace}.svc.cluster.local`
  await apply(
    testboxPod({ namespace, name: 'box' }),
    testboxDeployment({ namespace, name: 'web', replicas: 2 }),
    service(namespace, 'web'),
    service(namespace, 'db', { clusterIP: 'None' }),
    member('db-a', 'one'),
    member('db-b', 'two'),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
})

test('a Service has all its names, short and long', async () => {
  const address = await clusterIpOf('web')
  for (const name of ['web', `web.${namespace}`, `web.${namespace}.svc`, `web.${zone}`, `web.${zone}.`])
    expect(await dig(name), name).toEqual([address])
  expect(await dig('kubernetes.default')).toEqual(['10.96.0.1'])
  expect((await execIn(namespace, 'box', 'curl', '-s', '--max-time', '3', 'http://web/hostname')).trim()).toMatch(
    /^web-/,
  )
})

test('a headless Service has the addresses of its pods; each pod has its host name', async () => {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=db')
  const addressOf = new Map(items.map(({ spec, status }) => [spec?.hostname, status?.podIP ?? '']))
  await vi.waitFor(async () => expect(await dig('db')).toEqual([...addressOf.values()].sort()), patiently)
  expect(await dig('one.db')).toEqual([addressOf.get('one')])
  expect(await dig(`two.db.${zone}`)).toEqual([addressOf.get('two')])
  expect((await execIn(namespace, 'db-a', 'hostname', '-f')).trim()).toBe(`one.db.${zone}`)
})

test('ports have SRV records, addresses have names', async () => {
  expect(await dig('SRV', '_http._tcp.web')).toEqual([`0 100 80 web.${zone}.`])
  expect(await dig('SRV', '_http._tcp.db')).toEqual([`0 100 8080 one.db.${zone}.`, `0 100 8080 two.db.${zone}.`])
  expect(await dig('-x', await clusterIpOf('web'))).toEqual([`web.${zone}.`])
  expect(await dig('-x', '10.96.0.10')).toEqual(['kube-dns.kube-system.svc.cluster.local.'])
  expect(await dig(`10-244-9-8.${namespace}.pod.cluster.local`)).toEqual(['10.244.9.8'])
})

test('an ExternalName is an alias, follows changes, and becomes an address with a ClusterIP', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'out', namespace },
    spec: { type: 'ExternalName', externalName: 'foo.example.com' },
  })
  await vi.waitFor(async () => expect(await dig('CNAME', 'out')).toEqual(['foo.example.com.']), patiently)
  await kubectl('patch', 'service', '-n', namespace, 'out', '-p', '{"spec":{"externalName":"bar.example.com"}}')
  await vi.waitFor(async () => expect(await dig('CNAME', 'out')).toEqual(['bar.example.com.']), patiently)
  const ports = '{"spec":{"type":"ClusterIP","externalName":null,"ports":[{"port":80}]}}'
  await kubectl('patch', 'service', '-n', namespace, 'out', '-p', ports)
  const address = await clusterIpOf('out')
  await vi.waitFor(async () => expect(await dig('out')).toEqual([address]), patiently)
})

test('a name that is not there is NXDOMAIN with the zone’s SOA; one without such a record is an empty answer', async () => {
  const missing = await digReport(`nobody.${zone}`)
  expect(missing).toMatch(/status: NXDOMAIN/)
  expect(missing).toMatch(/cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\./)
  const empty = await digReport('MX', `web.${zone}`)
  expect(empty).toMatch(/status: NOERROR/)
  expect(empty).toMatch(/ANSWER: 0, AUTHORITY: 1/)
})

test('UDP, TCP and EDNS give the same answer', async () => {
  const address = await clusterIpOf('web')
  for (const how of ['+notcp', '+tcp', '+noedns', '+bufsize=4096'])
    expect(await dig(how, 'web'), how).toEqual([address])
})

test('an answer too long for a datagram is cut, and whole by TCP', async () => {
  const addresses = Array.from({ length: 100 }, (_, index) => `10.244.200.${index + 1}`)
  await apply(
    { ...service(namespace, 'crowd', { clusterIP: 'None', selector: null }) },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'crowd-1', namespace, labels: { 'kubernetes.io/service-name': 'crowd' } },
      addressType: 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address] })),
      ports: [{ name: 'http', port: 80 }],
    },
  )
  await vi.waitFor(async () => expect(await dig('crowd')).toEqual(addresses.toSorted()), patiently)
  expect(await digReport('+ignore', '+noedns', `crowd.${zone}`)).toMatch(/flags: [a-z ]*\btc\b/)
})

test('resolv.conf is as the pod’s dnsPolicy says', async () => {
  const resolvConf = (pod: string) => execIn(namespace, pod, 'cat', '/etc/resolv.conf')
  expect((await resolvConf('box')).split('\n')).toEqual(
    expect.arrayContaining([
      'nameserver 10.96.0.10',
      expect.stringContaining(`search ${zone} svc.cluster.local cluster.local`),
      'options ndots:5',
    ]),
  )
  const box = (name: string, spec: object) => {
    const pod = testboxPod({ namespace, name }) as { spec: object }
    return { ...pod, spec: { ...pod.spec, ...spec } }
  }
  const dnsConfig = { nameservers: ['192.0.2.53'], searches: ['a.example'], options: [{ name: 'ndots', value: '2' }] }
  await apply(box('by-hand', { dnsPolicy: 'None', dnsConfig }), box('by-node', { dnsPolicy: 'Default' }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/by-hand', 'pod/by-node', '--timeout=60s')
  expect((await resolvConf('by-hand')).trim()).toBe('nameserver 192.0.2.53\nsearch a.example\noptions ndots:2')
  expect(await resolvConf('by-node')).not.toContain('10.96.0.10')
})

test('a new Service resolves for who has just been told that there is none', async () => {
  const script =
    'until a=$(dig +short +time=1 +tries=1 fresh.$0) && [ -n "$a" ]; do sleep 0.02; done; echo $a; cat /proc/uptime'
  const asking = startKubectl('exec', '-n', namespace, 'box', '--', 'sh', '-c', script, zone)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  // The machine's uptime, as its pods see it too.
  const uptimeMs = (text: string) => Number(text.split(' ')[0]) * 1000
  const created = uptimeMs(await readFile('/proc/uptime', 'utf8'))
  await apply(service(namespace, 'fresh'))
  const [answer, answered = ''] = String((await asking).stdout).split('\n')
  console.log(`a new Service resolved ${(uptimeMs(answered) - created).toFixed(0)} ms after kubectl apply began`)
  expect(answer).toBe(await clusterIpOf('fresh'))
})

test('names resolve while the servers are replaced one by one', async () => {
  const script =
    'end=$(($(date +%s)+12)); while [ $(date +%s) -lt $end ]; do dig +short +time=1 +tries=1 web.$0 || echo lost; done | sort | uniq -c'
  const asking = startKubectl('exec', '-n', namespace, 'box', '--', 'sh', '-c', script, zone)
  await kubectl('rollout', 'restart', '-n', 'kube-system', 'deployment/dns')
  await kubectl('rollout', 'status', '-n', 'kube-system', 'deployment/dns', '--timeout=60s')
  const address = await clusterIpOf('web')
  expect(String((await asking).stdout).trim()).toMatch(new RegExp(`^\\d+ ${address.replaceAll('.', '\\.')}$`))
})

test('names resolve while the control plane is down', async () => {
  const [node] = lab.nodes
  if (node === undefined) throw new Error('the lab has no nodes')
  await killProcesses(lab.controlPlane.cgroup)
  // kubectl exec would need the control plane: the node itself asks.
  try {
    const { stdout } = await onNode(node, 'dig', '+short', '+time=2', '@10.96.0.10', `web.${zone}`)
    expect(stdout.trim()).toMatch(/^10\.96\./)
  } finally {
    await ensureControlPlane(lab)
  }
})

test('the servers may read what answers are made of, and nothing else', async () => {
  const can = async (...words: string[]) =>
    (await tryKubectl(['auth', 'can-i', ...words, '--as', 'system:serviceaccount:kube-system:dns'])).stdout.trim()
  expect(await can('watch', 'endpointslices.discovery.k8s.io', '-A')).toBe('yes')
  expect(await can('list', 'services', '-A')).toBe('yes')
  expect(await can('list', 'secrets', '-A')).toBe('no')
  expect(await can('list', 'pods', '-A')).toBe('no')
  expect(await can('delete', 'services', '-A')).toBe('no')
})

test('health, readiness and metrics are there for probes and Prometheus', async () => {
  const { items } = await getJson<PodList>('pods', '-n', 'kube-system', '-l', 'k8s-app=kube-dns')
  const url = `http://${items[0]?.status?.podIP}:9153`
  const get = (path: string) => execIn(namespace, 'box', 'curl', '-s', '--max-time', '3', `${url}${path}`)
  expect(await get('/health')).toBe('ok')
  expect(await get('/ready')).toBe('ok')
  expect(await get('/metrics')).toMatch(/^fairlead_dns_requests_total\{proto="udp",type="A"\} \d+$/m)
})
