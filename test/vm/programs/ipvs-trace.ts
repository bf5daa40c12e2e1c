// net trace on two nodes in IPVS mode: the hop is named, and what the trace says is what a real connection meets.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Trace } from '../../../api/net/trace.ts'
import { traceFlow } from '../../../cli/net/trace/trace.ts'
import { World } from '../../../cli/net/trace/world.ts'
import { run } from '../../../cni/linux/exec.ts'
import { sendPacket } from '../../../cni/linux/sender.ts'
import { type BrokenCluster, clusterIps, makeBrokenCluster } from '../../broken-networks/broken-cluster.ts'

let cluster: BrokenCluster
let sourcePort = 41_000

before(async () => {
  cluster = await makeBrokenCluster('iptrace', { mode: 'ipvs' })
})

after(async () => await cluster.close())

/** What a packet from pod a to a Service meets, in the trace and in truth. */
async function askAndTrace(service: string): Promise<{ trace: Trace; real: string }> {
  const flow = { protocol: 'tcp', destination: clusterIps[service] ?? '', port: 80, sourcePort: sourcePort++ } as const
  const { outcome } = await sendPacket({ ...flow, timeoutMs: 10_000 }, { netns: cluster.host('a').netns })
  const world = new World(await cluster.pictures())
  const namespace = world.find({ node: 'node-1', pod: 'default/a' })
  assert.ok(namespace)
  const trace = traceFlow({
    world,
    flow: { ...flow, sourcePort: sourcePort++ },
    from: { namespace },
    service: `default/${service}`,
  })
  return { trace, real: outcome }
}

/** "node-1: IPVS: …" of the only way. */
function describe({ paths }: Trace): { hops: string[]; ends: (string | undefined)[] } {
  const [path] = paths
  const hops = path?.forward.hops.map(({ place, text }) => `${place.pod ?? place.node}: ${text}`) ?? []
  return {
    hops: hops.filter((hop) => hop.includes('IPVS')),
    ends: [path?.forward.end.outcome, path?.forward.end.cause, path?.reply?.end.outcome],
  }
}

test('the way to a pod of the other node names the virtual server and where it sends', async () => {
  const { trace, real } = await askAndTrace('web')
  assert.equal(real, 'answered')
  assert.deepEqual(describe(trace), {
    hops: ['node-1: IPVS: virtual server 10.96.0.5:80 (rr) sends to 10.244.2.2:8080'],
    ends: ['delivered', 'none', 'delivered'],
  })
  assert.equal(trace.paths[0]?.forward.end.place.pod, 'default/c')
})

test('a pod that reaches itself comes from its node', async () => {
  const { trace, real } = await askAndTrace('self')
  assert.equal(real, 'answered')
  assert.deepEqual(describe(trace).ends, ['delivered', 'none', 'delivered'])
  assert.equal(trace.paths[0]?.forward.end.place.pod, 'default/a')
})

test('a Service without endpoints is refused, and it is said why', async () => {
  const { trace, real } = await askAndTrace('none')
  assert.equal(real, 'refused')
  assert.deepEqual(describe(trace).ends, ['refused', 'no-endpoints', undefined])
  assert.match(trace.paths[0]?.forward.end.text ?? '', /IPVS: virtual server 10\.96\.0\.8:80 has no real server/)
})

test('a virtual server that somebody deleted is missed', async () => {
  await run('ipvsadm', ['-D', '-t', `${clusterIps.web}:80`], cluster.host('node-1'))
  const { trace, real } = await askAndTrace('web')
  assert.equal(real, 'refused')
  const [end] = trace.paths.map(({ forward }) => forward.end)
  assert.deepEqual([end?.outcome, end?.place.node], ['refused', 'node-1'])
  const backend = cluster.backends.get('node-1')
  const differences = (await backend?.verify()) ?? []
  assert.deepEqual(
    differences.map(({ name, owner }) => `${name} of ${owner}`),
    ['ipvs -t 10.96.0.5:80 of Service default/web'],
  )
  await backend?.resync()
  assert.equal((await askAndTrace('web')).real, 'answered')
})
