import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import type { RuntimeVersion } from '../runtime/runtime.ts'
import { NodeRegistration } from './registration.ts'
import { testMachine } from './test-machine.ts'

let client: FakeClient
let runtime: FakeRuntime
let stop: AbortController
let ended: Promise<void>

beforeEach(() => {
  vi.useFakeTimers()
  client = new FakeClient()
  runtime = new FakeRuntime()
  stop = new AbortController()
})

afterEach(async () => {
  stop.abort()
  await ended
  vi.useRealTimers()
})

async function register(): Promise<void> {
  const registration = new NodeRegistration({
    client,
    identity: { name: 'node-1', ips: ['192.0.2.1'], port: 10_250, maxPods: 110 },
    machine: testMachine,
    pressure: { last: { memory: false, disk: false, pids: false, memoryAvailableBytes: 0 } },
    runtime,
    networkNotReady: () => undefined,
    onError: () => {},
    now: Date.now,
  })
  ended = registration.run(stop.signal)
  await vi.advanceTimersByTimeAsync(1_000)
}

async function ready(): Promise<string> {
  const { status } = await client.get(nodes, { name: 'node-1' })
  const { status: word, message = '' } = status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  return `${word}: ${message}`
}

const isUp = 'True: kubelet is posting ready status'
const fails = () => Promise.reject(new Error('connect ECONNREFUSED'))

test('a runtime that is restarted makes no node unready', async () => {
  await register()
  const version = runtime.version.bind(runtime)
  runtime.version = fails
  await vi.advanceTimersByTimeAsync(20_000)
  runtime.version = version
  await vi.advanceTimersByTimeAsync(60_000)
  const { status } = await client.get(nodes, { name: 'node-1' })
  expect(status?.nodeInfo?.containerRuntimeVersion).toBe('fake://1.0.0')
  expect(await ready()).toBe(isUp)
  expect(client.calls.filter((call) => call === 'patch nodes')).toHaveLength(1)
})

test('a runtime that is away makes its node unready, and says why, until it is back', async () => {
  await register()
  expect(await ready()).toBe(isUp)
  const version = runtime.version.bind(runtime)
  runtime.version = fails
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await ready()).toBe('False: container runtime is down: connect ECONNREFUSED')
  runtime.version = version
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await ready()).toBe(isUp)
})

test('so does one that takes questions and does not answer; it is asked one thing at a time', async () => {
  await register()
  const answers: ((version: RuntimeVersion) => void)[] = []
  const version = await runtime.version()
  runtime.version = () => new Promise((resolve) => answers.push(resolve))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await ready()).toBe('False: container runtime is down: no answer within 10 s')
  expect(answers).toHaveLength(1)
  answers[0]?.(version)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await ready()).toBe(isUp)
})

test('a node whose runtime was never heard of is not ready from the start', async () => {
  runtime.version = fails
  await register()
  expect(await ready()).toBe('False: container runtime is down: connect ECONNREFUSED')
})
