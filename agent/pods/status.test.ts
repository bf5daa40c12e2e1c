import { expect, test } from 'vitest'
import type { PodSpec, PodStatus } from '../../api/generated/types.ts'
import type { Container } from '../runtime/runtime.ts'
import { makeStatus, type StatusFacts } from './status.ts'
import { makeContainer, makePod, makeTemplate } from './test-pods.ts'

const nowMs = Date.parse('2026-01-01T01:00:00Z')

function status(spec: Partial<PodSpec>, containers: Container[], more: Partial<StatusFacts> = {}, old: PodStatus = {}) {
  return makeStatus(makePod(spec, old), {
    containers,
    waiting: new Map(),
    isReady: () => true,
    isStarted: () => true,
    terminationMessages: new Map(),
    ending: false,
    ips: ['10.244.0.2'],
    hostIps: ['192.0.2.1'],
    nowMs,
    ...more,
  })
}

const ended = (name: string, exitCode: number, more = {}) => makeContainer(name, { state: 'exited', exitCode, ...more })
const never: Partial<PodSpec> = { restartPolicy: 'Never' }
const onFailure: Partial<PodSpec> = { restartPolicy: 'OnFailure' }
const withInit: Partial<PodSpec> = { initContainers: [makeTemplate('i')] }
const pair: Partial<PodSpec> = { containers: [makeTemplate('a'), makeTemplate('b')] }

test.each<[string, Partial<PodSpec>, Container[], string]>([
  ['no container yet', {}, [], 'Pending'],
  ['init container runs', withInit, [makeContainer('i')], 'Pending'],
  ['init container failed and may not run again', { ...withInit, ...never }, [ended('i', 1)], 'Failed'],
  ['init container failed and runs again', withInit, [ended('i', 1)], 'Pending'],
  ['app runs', {}, [makeContainer('app')], 'Running'],
  ['one of two has not been started', pair, [makeContainer('a')], 'Pending'],
  ['app crashed and runs again', {}, [ended('app', 1)], 'Running'],
  ['app done, Never', never, [ended('app', 0)], 'Succeeded'],
  ['app failed, Never', never, [ended('app', 1)], 'Failed'],
  ['app done, OnFailure', onFailure, [ended('app', 0)], 'Succeeded'],
  ['app failed, OnFailure', onFailure, [ended('app', 1)], 'Running'],
  ['one done, one runs', { ...pair, ...never }, [ended('a', 0), makeContainer('b')], 'Running'],
])('phase when %s', (_, spec, containers, phase) => {
  expect(status(spec, containers).phase).toBe(phase)
})

test('a running ready pod has all its conditions true, its addresses and its class', () => {
  const { conditions = [], ...rest } = status({}, [makeContainer('app')])
  expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  })
  expect(rest).toMatchObject({
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    hostIP: '192.0.2.1',
    qosClass: 'BestEffort',
    observedGeneration: 1,
    startTime: '2026-01-01T01:00:00Z',
  })
  expect(rest.containerStatuses).toEqual([
    {
      name: 'app',
      image: 'test:1',
      imageID: 'docker://sha256:1',
      containerID: 'docker://app-0',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: '1970-01-01T00:00:10Z' } },
      lastState: {},
    },
  ])
})

test('containers wait as ContainerCreating, or as PodInitializing where init containers come first', () => {
  expect(status({}, []).containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } })
  expect(status(withInit, []).containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } })
})

test('a container in back-off waits as CrashLoopBackOff with its end as last state', () => {
  const annotations = { 'fairlead.io/restart-delay-ms': '80000' }
  const crashed = ended('app', 2, {
    attempt: 4,
    annotations,
    reason: 'Error',
    startedAtMs: nowMs - 2_000,
    finishedAtMs: nowMs - 1_000,
  })
  const [app] = status({}, [crashed]).containerStatuses ?? []
  expect(app?.state?.waiting).toEqual({
    reason: 'CrashLoopBackOff',
    message: 'back-off 1m20s restarting failed container=app pod=web_default(uid-1)',
  })
  expect(app?.lastState?.terminated).toMatchObject({ exitCode: 2, reason: 'Error' })
  expect(app).toMatchObject({ restartCount: 4, ready: false, started: false })
})

test('an out-of-memory kill and the message of the container show in its end', () => {
  const killed = ended('app', 137, { reason: 'OOMKilled' })
  const facts = { terminationMessages: new Map([['app-0', 'too much']]) }
  expect(status(never, [killed], facts).containerStatuses?.[0]?.state?.terminated).toMatchObject({
    reason: 'OOMKilled',
    exitCode: 137,
    message: 'too much',
  })
})

test('a restart keeps the end before it as last state', () => {
  const [app] = status({}, [ended('app', 3), makeContainer('app', { attempt: 1 })]).containerStatuses ?? []
  expect(app?.lastState?.terminated?.exitCode).toBe(3)
  expect(app?.restartCount).toBe(1)
})

test('a condition keeps its transition time until it changes', () => {
  const before = status({}, [makeContainer('app')])
  const later = status({}, [makeContainer('app')], { nowMs: nowMs + 60_000, isReady: () => false }, before)
  const timeOf = (type: string) => later.conditions?.find((condition) => condition.type === type)?.lastTransitionTime
  expect(timeOf('Initialized')).toBe('2026-01-01T01:00:00Z')
  expect(timeOf('Ready')).toBe('2026-01-01T01:01:00Z')
})

test("others' conditions stay, and a readiness gate counts only when it is true", () => {
  const gate = { readinessGates: [{ conditionType: 'example.com/lb' }] }
  const closed = status(gate, [makeContainer('app')])
  expect(closed.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'ReadinessGatesNotReady',
  })
  const open = status(gate, [makeContainer('app')], {}, { conditions: [{ type: 'example.com/lb', status: 'True' }] })
  expect(open.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(open.conditions?.find(({ type }) => type === 'example.com/lb')?.status).toBe('True')
})

test('what has been reported of an ended pod stays when its containers are gone', () => {
  const old = status(never, [ended('app', 1)])
  expect(status(never, [], { ips: [] }, old)).toEqual(old)
})

test('a pod that the node ends is Failed with the reason, whatever its containers say', () => {
  const failure = { reason: 'DeadlineExceeded', message: 'too long' }
  expect(status({}, [makeContainer('app')], { failure, ending: true })).toMatchObject({ phase: 'Failed', ...failure })
})

test('a deleted pod whose containers were ended with an error is Failed, with success Succeeded', () => {
  expect(status({}, [ended('app', 137)], { ending: true }).phase).toBe('Failed')
  expect(status({}, [ended('app', 0)], { ending: true }).phase).toBe('Succeeded')
})

test.each([
  [{ requests: { cpu: '100m' } }, 'Burstable'],
  [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
  [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } }, 'Burstable'],
  [undefined, 'BestEffort'],
])('resources %j make the pod %s', (resources, qosClass) => {
  expect(status({ containers: [makeTemplate('app', { resources })] }, []).qosClass).toBe(qosClass)
})
