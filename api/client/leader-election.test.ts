import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { leases } from '../resources/leases.ts'
import { FakeClient } from './fake-client.ts'
import { LeaderElection } from './leader-election.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

/** A process that leads until it must stop; its connection can be cut. */
function startProcess(client: FakeClient, identity: string) {
  const state = { isLeading: false, isCut: false, errors: 0 }
  const own = Object.create(client) as FakeClient
  for (const verb of ['get', 'create', 'update'] as const) {
    Reflect.set(own, verb, (...args: unknown[]) => {
      if (state.isCut) return new Promise(() => {})
      return Reflect.apply(client[verb] as () => unknown, client, args)
    })
  }
  const stop = new AbortController()
  const election = new LeaderElection(own, { name: 'work', identity, onError: () => state.errors++ })
  const done = election.run(stop.signal, async (signal) => {
    state.isLeading = true
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    state.isLeading = false
  })
  return { state, stop, done }
}

const find = (client: FakeClient) => client.get(leases, { namespace: 'kube-system', name: 'work' })

test('one of two leads, and goes on leading by renewal', async () => {
  const client = new FakeClient()
  const [a, b] = [startProcess(client, 'a'), startProcess(client, 'b')]
  for (let seconds = 0; seconds < 120; seconds++) {
    await vi.advanceTimersByTimeAsync(1_000)
    expect([a.state.isLeading, b.state.isLeading]).toEqual([true, false])
  }
  expect((await find(client)).spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 })
})

test('a leader that is cut off stops before the other takes over', async () => {
  const client = new FakeClient()
  const [a, b] = [startProcess(client, 'a'), startProcess(client, 'b')]
  await vi.advanceTimersByTimeAsync(10_000)
  a.state.isCut = true
  let handedOver = false
  for (let steps = 0; steps < 400 && !handedOver; steps++) {
    await vi.advanceTimersByTimeAsync(50)
    expect(a.state.isLeading && b.state.isLeading).toBe(false)
    handedOver = b.state.isLeading
  }
  expect(handedOver).toBe(true)
  expect((await find(client)).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
})

test('a leader that ends lets the next one in without waiting for the Lease to run out', async () => {
  const client = new FakeClient()
  const [a, b] = [startProcess(client, 'a'), startProcess(client, 'b')]
  await vi.advanceTimersByTimeAsync(10_000)
  a.stop.abort()
  await a.done
  await vi.advanceTimersByTimeAsync(2_000)
  expect(b.state.isLeading).toBe(true)
})

test('a process whose Lease was taken does not lead', async () => {
  const client = new FakeClient()
  const a = startProcess(client, 'a')
  await vi.advanceTimersByTimeAsync(5_000)
  const lease = await find(client)
  await client.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } })
  await vi.advanceTimersByTimeAsync(12_000)
  expect(a.state.isLeading).toBe(false)
})

test('errors of the server are reported and survived', async () => {
  const client = new FakeClient()
  vi.spyOn(client, 'get').mockRejectedValueOnce(new Error('unreachable'))
  const a = startProcess(client, 'a')
  await vi.advanceTimersByTimeAsync(3_000)
  expect(a.state).toMatchObject({ isLeading: true, errors: 1 })
})
