// What a Service promises its users: changes of type, affinity, several protocols and ports, endpoints that follow pods, and
// the API server's proxy. Behaviours C187 to C219 of the public conformance table that a whole cluster is needed for.

import { beforeAll, expect, test, vi } from 'vitest'
import type { EndpointSliceList, Endpoints, PodList, Service, ServiceList } from '../../api/generated/types.ts'
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
  testboxDeployment,
  testboxPod,
  tryKubectl,
} from '../support/lab.ts'

const patiently = { timeout: 30_000, interval: 100 }
let namespace: string
const [firstNode] = lab.nodes

beforeAll(async () => {
  namespace = await freshNamespace('e2e-services')
  await apply(testboxPod({ namespace, name: 'box' }), testboxDeployment({ namespace, name: 'web', replicas: 3 }))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
})

const get = (name: string) => getJson<Service>('service', '-n', namespace, name)
const patch = (name: string, spec: object) =>
  kubectl('patch', 'service', '-n', namespace, name, '-p', JSON.stringify({ spec }))

async function webPods(): Promise<string[]> {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=web')
  return items.map(({ metadata }) => metadata?.name ?? '').sort()
}

/** Who answered new connections from the pod, in order; "" for none. */
async function answers(url: string, count = 20): Promise<string[]> {
  const script = `for i in $(seq ${count}); do curl -s --max-time 3 ${url}/hostname; echo; done`
  const output = await execIn(namespace, 'box', 'sh', '-c', script)
  return output.trim().split(/\n+/)
}

/** Waits until everybody that answers is one of these, and all of them do. */
async function untilAnsweredBy(url: string, names: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect([...new Set(await answers(url))].sort()).toEqual(names), patiently)
}

/** What a UDP datagram to the address is answered with: the pod's name, or "". */
async function askUdp(address: string, port: number): Promise<string> {
  const script = `echo hello | socat -t0.5 - UDP:${address}:${port}`
  const output = await execIn(namespace, 'box', 'sh', '-c', script).catch(() => '')
  return output === '' ? '' : String(JSON.parse(output).pod)
}

async function endpointsOf(name: string): Promise<string[]> {
  const { subsets = [] } = await getJson<Endpoints>('endpoints', '-n', namespace, name)
  return subsets
    .flatMap(({ addresses = [], ports = [] }) =>
      addresses.flatMap(({ targetRef }) => ports.map(({ port }) => `${targetRef?.name}:${port}`)),
    )
    .sort()
}

test('a Service changes its type back and forth, and its addresses and ports come and go', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'change', namespace },
    spec: { type: 'ExternalName', externalName: 'example.com' },
  })
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }]
  await patch('change', { type: 'NodePort', externalName: null, selector: { app: 'web' }, ports })
  const { spec } = await get('change')
  const [port] = spec?.ports ?? []
  expect(spec?.clusterIP).toMatch(/^10\.96\./)
  expect(port?.nodePort).toBeGreaterThanOrEqual(30_000)
  await untilAnsweredBy(`http://${spec?.clusterIP}`, await webPods())
  await untilAnsweredBy(`http://${firstNode?.address}:${port?.nodePort}`, await webPods())

  await patch('change', {
    type: 'ExternalName',
    externalName: 'example.com',
    clusterIP: null,
    clusterIPs: null,
    ports: null,
  })
  const external = (await get('change')).spec
  expect(external).toMatchObject({ type: 'ExternalName', externalName: 'example.com' })
  expect(external?.clusterIP).toBeUndefined()
  // Both are free again: another Service may have them.
  await apply(
    service(namespace, 'heir', {
      type: 'NodePort',
      clusterIP: spec?.clusterIP,
      ports: [{ port: 80, nodePort: port?.nodePort }],
    }),
  )

  await patch('change', { type: 'ClusterIP', externalName: null, ports })
  await untilAnsweredBy(`http://${(await get('change')).spec?.clusterIP}`, await webPods())
})

test('affinity pins a client to one pod, by ClusterIP and node port; without it all answer', async () => {
  await apply({ ...service(namespace, 'web', { type: 'NodePort' }) })
  const { spec } = await get('web')
  const urls = [`http://${spec?.clusterIP}`, `http://${firstNode?.address}:${spec?.ports?.[0]?.nodePort}`]
  for (const url of urls) await untilAnsweredBy(url, await webPods())
  await patch('web', { sessionAffinity: 'ClientIP' })
  for (const url of urls) await vi.waitFor(async () => expect(new Set(await answers(url)).size).toBe(1), patiently)
  await patch('web', { sessionAffinity: 'None', sessionAffinityConfig: null })
  for (const url of urls) await untilAnsweredBy(url, await webPods())
})

test('one port number serves TCP and UDP; dropping either leaves the other', async () => {
  const tcp = { name: 'tcp', port: 7000, targetPort: 8080, protocol: 'TCP' }
  const udp = { name: 'udp', port: 7000, targetPort: 8082, protocol: 'UDP' }
  await apply(service(namespace, 'both', { selector: { app: 'web' }, ports: [tcp, udp] }))
  // As a whole: merged item by item, ports of one number would be one.
  const setPorts = (value: object[]) => {
    const change = JSON.stringify([{ op: 'replace', path: '/spec/ports', value }])
    return kubectl('patch', 'service', '-n', namespace, 'both', '--type=json', '-p', change)
  }
  const address = (await get('both')).spec?.clusterIP ?? ''
  const url = `http://${address}:7000`
  await untilAnsweredBy(url, await webPods())
  await vi.waitFor(async () => expect(await webPods()).toContain(await askUdp(address, 7000)), patiently)
  await setPorts([udp])
  await vi.waitFor(async () => expect(await answers(url, 1)).toEqual(['']), patiently)
  expect(await webPods()).toContain(await askUdp(address, 7000))
  await setPorts([tcp])
  await vi.waitFor(async () => expect(await askUdp(address, 7000)).toBe(''), patiently)
  await untilAnsweredBy(url, await webPods())
})

test('pods and the host network reach every pod over UDP and HTTP', async () => {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=web')
  for (const { metadata, status } of items) {
    const ip = status?.podIP ?? ''
    expect(await askUdp(ip, 8082)).toBe(metadata?.name)
    for (const node of lab.nodes) {
      expect((await onNode(node, 'curl', '-s', '--max-time', '3', `http://${ip}:8080/hostname`)).stdout.trim()).toBe(
        metadata?.name,
      )
      const udp = await onNode(node, 'sh', '-c', `echo hello | socat -t0.5 - UDP:${ip}:8082`)
      expect(JSON.parse(udp.stdout).pod).toBe(metadata?.name)
    }
  }
})

test('Endpoints start empty, follow pods port by port, and empty again', async () => {
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'lines', port: 81, targetPort: 8081 },
  ]
  await apply(service(namespace, 'pair', { ports }))
  await vi.waitFor(async () => expect(await endpointsOf('pair')).toEqual([]), patiently)
  const member = (name: string) => {
    const pod = testboxPod({ namespace, name }) as { metadata: object }
    return { ...pod, metadata: { ...pod.metadata, labels: { app: 'pair' } } }
  }
  await apply(member('pair-a'))
  await vi.waitFor(async () => expect(await endpointsOf('pair')).toEqual(['pair-a:8080', 'pair-a:8081']), patiently)
  await apply(member('pair-b'))
  const four = ['pair-a:8080', 'pair-a:8081', 'pair-b:8080', 'pair-b:8081']
  await vi.waitFor(async () => expect(await endpointsOf('pair')).toEqual(four), patiently)
  const { items } = await getJson<EndpointSliceList>(
    'endpointslices',
    '-n',
    namespace,
    '-l',
    'kubernetes.io/service-name=pair',
  )
  expect(new Set(items.flatMap(({ endpoints = [] }) => endpoints.map(({ targetRef }) => targetRef?.name)))).toEqual(
    new Set(['pair-a', 'pair-b']),
  )
  await kubectl('delete', 'pod', '-n', namespace, 'pair-a', '--wait=false')
  await vi.waitFor(async () => expect(await endpointsOf('pair')).toEqual(['pair-b:8080', 'pair-b:8081']), patiently)
  await kubectl('delete', 'pod', '-n', namespace, 'pair-b', '--wait=false')
  await vi.waitFor(async () => expect(await endpointsOf('pair')).toEqual([]), patiently)
  await kubectl('delete', 'service', '-n', namespace, 'pair')
  await vi.waitFor(async () => {
    const left = await tryKubectl(['get', 'endpoints,endpointslices', '-n', namespace, '-o', 'name'])
    expect(left.stdout).not.toMatch(/pair/)
  }, patiently)
})

test('hand-made Endpoints are copied to slices, and served', async () => {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=web')
  const [one, two] = items.map(({ status }) => status?.podIP ?? '')
  const byHand = (...addresses: string[]) => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'manual', namespace },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'http', port: 8080 }] }],
  })
  await apply(service(namespace, 'manual', { selector: null }), byHand(one ?? ''))
  const url = `http://${(await get('manual')).spec?.clusterIP}`
  await untilAnsweredBy(url, [items[0]?.metadata?.name ?? ''])
  await apply(byHand(two ?? ''))
  await untilAnsweredBy(url, [items[1]?.metadata?.name ?? ''])
  await kubectl('delete', 'endpoints', '-n', namespace, 'manual')
  await vi.waitFor(async () => expect(await answers(url, 1)).toEqual(['']), patiently)
})

test("a Service's status is read, updated and patched by its own door", async () => {
  await apply(service(namespace, 'spoken'))
  const condition = {
    type: 'Tested',
    status: 'True',
    reason: 'E2E',
    message: 'set',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  await kubectl(
    'patch',
    'service',
    '-n',
    namespace,
    'spoken',
    '--subresource=status',
    '-p',
    JSON.stringify({ status: { conditions: [condition] } }),
  )
  expect((await get('spoken')).status?.conditions).toMatchObject([{ type: 'Tested', reason: 'E2E' }])
  const current = await get('spoken')
  const changed = { ...current, status: { ...current.status, conditions: [{ ...condition, reason: 'Again' }] } }
  const replaced = await tryKubectl(['replace', '--subresource=status', '-f', '-'], { input: JSON.stringify(changed) })
  expect(replaced.stderr).toBe('')
  expect((await get('spoken')).status?.conditions).toMatchObject([{ reason: 'Again' }])
})

test('Services are deleted by label, and the kubernetes Service is in the list of all', async () => {
  const labelled = (name: string, group: string) => {
    const made = service(namespace, name) as { metadata: object }
    return { ...made, metadata: { ...made.metadata, labels: { group } } }
  }
  await apply(labelled('one', 'gone'), labelled('two', 'gone'), labelled('three', 'kept'))
  await kubectl('delete', 'services', '-n', namespace, '-l', 'group=gone')
  const { items } = await getJson<ServiceList>('services', '-A')
  const names = items.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`)
  expect(names).toContain('default/kubernetes')
  expect(names).toContain(`${namespace}/three`)
  expect(names.filter((name) => name === `${namespace}/one` || name === `${namespace}/two`)).toEqual([])
})

test('the API server’s proxy reaches pods, Services and nodes', async () => {
  const [pod] = await webPods()
  const raw = (path: string) => kubectl('get', '--raw', path)
  const base = `/api/v1/namespaces/${namespace}`
  expect((await raw(`${base}/pods/${pod}:8080/proxy/hostname`)).trim()).toBe(pod)
  expect((await raw(`${base}/pods/http:${pod}:http/proxy/hostname`)).trim()).toBe(pod)
  expect(await webPods()).toContain((await raw(`${base}/services/http:web:http/proxy/hostname`)).trim())
  expect(await webPods()).toContain((await raw(`${base}/services/web/proxy/hostname`)).trim())
  expect(await raw(`/api/v1/nodes/${firstNode?.name}/proxy/healthz`)).toBe('ok')
})

test('endpoints of many new Services show up soon', async () => {
  const count = 100
  const started = performance.now()
  await apply(
    ...Array.from({ length: count }, (_, index) => service(namespace, `many-${index}`, { selector: { app: 'web' } })),
  )
  const applied = performance.now()
  await vi.waitFor(async () => {
    const { items } = await getJson<EndpointSliceList>('endpointslices', '-n', namespace)
    const whole = items.filter(
      ({ metadata, endpoints = [] }) => metadata?.name?.startsWith('many-') === true && endpoints.length === 3,
    )
    expect(whole).toHaveLength(count)
  }, patiently)
  const told = (ms: number) => `${((ms - started) / 1000).toFixed(1)} s`
  console.log(
    `${count} Services applied in ${told(applied)}, all with their endpoints after ${told(performance.now())}`,
  )
})

test('nodes say on the health check port whether they have endpoints of a Service with the policy Local', async () => {
  const [here, there] = lab.nodes
  await apply(
    testboxPod({ namespace, name: 'near', ...(here && { nodeName: here.name }) }),
    service(namespace, 'near', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/near', '--timeout=60s')
  const port = (await get('near')).spec?.healthCheckNodePort
  const ask = async (node: NodeLayout | undefined) => {
    const { stdout } = await onNode(
      lab.controlPlane,
      'curl',
      '-s',
      '-w',
      ' %{http_code}',
      `http://${node?.address}:${port}/`,
    )
    return stdout.replace(/\s+/g, ' ')
  }
  await vi.waitFor(async () => expect(await ask(here)).toMatch(/"localEndpoints":1,.* 200$/), patiently)
  await vi.waitFor(async () => expect(await ask(there)).toMatch(/"localEndpoints":0,.* 503$/), patiently)
  expect((await onNode(lab.controlPlane, 'curl', '-s', `http://${here?.address}:10256/healthz`)).stdout).toContain(
    '"nodeEligible":true',
  )
})
