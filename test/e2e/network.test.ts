// The pod network and Services, with real packets between the lab's nodes.

import { beforeAll, expect, test, vi } from 'vitest'
import type { PodList, Service } from '../../api/generated/types.ts'
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
} from '../support/lab.ts'

const within = { timeout: 20_000, interval: 100 }
const nodeNames = lab.nodes.map(({ name }) => name)
let namespace: string

interface PodFact {
  name: string
  node: string
  ip: string
}

beforeAll(async () => {
  namespace = await freshNamespace('e2e-network')
  await apply(...nodeNames.map((nodeName) => testboxPod({ namespace, name: `box-${nodeName}`, nodeName })))
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  await apply(
    testboxDeployment({ namespace, name: 'web', replicas: 6 }),
    service(namespace, 'web', {
      type: 'NodePort',
      ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30090 }],
    }),
  )
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s')
})

async function podsOf(app?: string): Promise<PodFact[]> {
  const { items } = await getJson<PodList>('pods', '-n', namespace, ...(app === undefined ? [] : ['-l', `app=${app}`]))
  return items
    .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata?.name ?? '',
      node: spec?.nodeName ?? '',
      ip: status?.podIP ?? '',
    }))
}

async function clusterIpOf(name: string): Promise<string> {
  const { spec } = await getJson<Service>('service', '-n', namespace, name)
  return spec?.clusterIP ?? ''
}

/** Names of the pods that answered, one for each of `count` new connections from the pod. */
async function answers(from: string, url: string, count: number): Promise<string[]> {
  const script = `for i in $(seq ${count}); do curl -s --max-time 3 ${url}/hostname; echo; done`
  return (await execIn(namespace, from, 'sh', '-c', script))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

test('every pod reaches every other pod, on whatever node, and is seen by its own address', async () => {
  const pods = await podsOf()
  for (const from of pods.filter(({ name }) => name.startsWith('box-'))) {
    for (const to of pods.filter(({ name }) => name !== from.name)) {
      const answer = await execIn(namespace, from.name, 'curl', '-s', '--max-time', '3', `http://${to.ip}:8080/`)
      expect(JSON.parse(answer), `${from.name} to ${to.name}`).toMatchObject({
        pod: to.name,
        node: to.node,
        client: expect.stringContaining(from.ip),
      })
    }
  }
})

test('a pod on every node reaches all backends of a ClusterIP, on all nodes', async () => {
  const url = `http://${await clusterIpOf('web')}`
  const backends = (await podsOf('web')).map(({ name }) => name).sort()
  expect(new Set((await podsOf('web')).map(({ node }) => node)).size).toBe(nodeNames.length)
  for (const nodeName of nodeNames) {
    const answered = await answers(`box-${nodeName}`, url, 60)
    expect([...new Set(answered)].sort()).toEqual(backends)
  }
})

test('a backend reaches its own Service, also when it is served by itself', async () => {
  await apply(testboxDeployment({ namespace, name: 'alone' }), service(namespace, 'alone'))
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/alone', '--timeout=60s')
  const [alone] = await podsOf('alone')
  const url = `http://${await clusterIpOf('alone')}`
  await vi.waitFor(
    async () => expect(await answers(alone?.name ?? '', url, 5)).toEqual(Array(5).fill(alone?.name)),
    within,
  )
})

test('the node port answers on every node, from the host', async () => {
  for (const { address, name } of lab.nodes) {
    const { stdout } = await onNode(
      lab.controlPlane,
      'curl',
      '-s',
      '--max-time',
      '3',
      `http://${address}:30090/hostname`,
    )
    expect(stdout, name).toMatch(/^web-/)
  }
})

test('a Service without endpoints refuses at once', async () => {
  await apply(service(namespace, 'nobody'))
  const url = `http://${await clusterIpOf('nobody')}`
  await vi.waitFor(async () => {
    // 7 is curl's "refused"; 28 would be its time limit.
    expect(await execIn(namespace, `box-${nodeNames[0]}`, 'sh', '-c', `curl -s --max-time 5 ${url}; echo $?`)).toBe('7')
  }, within)
})

test('scaling to ten and to none shows in what answers', async () => {
  const url = `http://${await clusterIpOf('web')}`
  await kubectl('scale', '-n', namespace, 'deployment/web', '--replicas=10')
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s')
  const readyMs = performance.now()
  await vi.waitFor(async () => expect(new Set(await answers(`box-${nodeNames[1]}`, url, 80)).size).toBe(10), within)
  console.log(
    `ten pods had answered 80 requests ${((performance.now() - readyMs) / 1000).toFixed(1)} s after they were ready`,
  )
  await kubectl('scale', '-n', namespace, 'deployment/web', '--replicas=0')
  await kubectl('wait', '-n', namespace, '--for=delete', 'pod', '-l', 'app=web', '--timeout=60s')
  expect(await execIn(namespace, `box-${nodeNames[1]}`, 'sh', '-c', `curl -s --max-time 5 ${url}; echo $?`)).toBe('7')
})

test('a rolling update under a steady stream of requests loses none', async () => {
  await kubectl('scale', '-n', namespace, 'deployment/web', '--replicas=4')
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s')
  const url = `http://${await clusterIpOf('web')}`
  const from = `box-${nodeNames[0]}`
  const stream = execIn(
    namespace,
    from,
    'sh',
    '-c',
    `rm -f /tmp/stop; lost=0; sent=0; while [ ! -e /tmp/stop ]; do sent=$((sent+1)); curl -sf --max-time 5 -o /dev/null ${url}/hostname || lost=$((lost+1)); done; echo $sent $lost`,
  )
  await kubectl('set', 'env', '-n', namespace, 'deployment/web', 'TEXT=second')
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=120s')
  await execIn(namespace, from, 'touch', '/tmp/stop')
  const [sent = 0, lost = -1] = (await stream).trim().split(' ').map(Number)
  expect(sent).toBeGreaterThan(50)
  expect(lost).toBe(0)
})
