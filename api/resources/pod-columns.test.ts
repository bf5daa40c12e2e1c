import { expect, test } from 'vitest'
import type { ContainerStatus, Pod, PodStatus } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { podColumns } from './pod-columns.ts'

const nowMs = Date.parse('2026-01-01T01:00:00Z')
const meta = {
  name: 'web',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
}
const container = (status: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'a',
  image: 'i',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...status,
})
const running = container({ ready: true, state: { running: {} } })
const waiting = (reason: string, restartCount = 0) => container({ restartCount, state: { waiting: { reason } } })
const ended = (exitCode: number, reason?: string) =>
  container({ state: { terminated: { exitCode, ...(reason && { reason }) } } })
const pod = (status: PodStatus, overrides: object = {}): Stored<Pod> => ({
  metadata: meta,
  spec: {
    containers: [{ name: 'a' }],
    initContainers: status.initContainerStatuses?.map(({ name }) => ({ name })) ?? [],
  },
  status,
  ...overrides,
})
const cell = (name: string, object: Stored<Pod>) =>
  podColumns.find((column) => column.name === name)?.cell(object, nowMs)
const deleted = { metadata: { ...meta, deletionTimestamp: '2026-01-01T00:59:00Z' } }

test.each<[string, string, Stored<Pod>]>([
  ['Pending', '0/1', pod({ phase: 'Pending' })],
  ['ContainerCreating', '0/1', pod({ phase: 'Pending', containerStatuses: [waiting('ContainerCreating')] })],
  ['Running', '1/1', pod({ phase: 'Running', containerStatuses: [running] })],
  ['CrashLoopBackOff', '0/1', pod({ phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff', 4)] })],
  ['ImagePullBackOff', '1/1', pod({ phase: 'Pending', containerStatuses: [waiting('ImagePullBackOff'), running] })],
  ['Completed', '0/1', pod({ phase: 'Succeeded', containerStatuses: [ended(0, 'Completed')] })],
  ['Error', '0/1', pod({ phase: 'Failed', containerStatuses: [ended(1, 'Error')] })],
  ['ExitCode:3', '0/1', pod({ phase: 'Failed', containerStatuses: [ended(3)] })],
  ['Evicted', '0/1', pod({ phase: 'Failed', reason: 'Evicted' })],
  ['NotReady', '1/1', pod({ phase: 'Running', containerStatuses: [running, ended(0, 'Completed')] })],
  [
    'Init:0/2',
    '0/1',
    pod({ phase: 'Pending', initContainerStatuses: [waiting('PodInitializing'), waiting('PodInitializing')] }),
  ],
  ['Init:1/2', '0/1', pod({ phase: 'Pending', initContainerStatuses: [ended(0, 'Completed'), running] })],
  ['Init:CrashLoopBackOff', '0/1', pod({ phase: 'Pending', initContainerStatuses: [waiting('CrashLoopBackOff')] })],
  ['Init:Error', '0/1', pod({ phase: 'Failed', initContainerStatuses: [ended(1, 'Error')] })],
  ['Terminating', '1/1', pod({ phase: 'Running', containerStatuses: [running] }, deleted)],
  ['Unknown', '0/1', pod({ phase: 'Running', reason: 'NodeLost' }, deleted)],
])('a pod is shown as %s %s', (status, ready, object) => {
  expect([cell('Status', object), cell('Ready', object)]).toEqual([status, ready])
})

test('restarts say when the last one was', () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:58:00Z' } }
  const restarted = container({ ready: true, state: { running: {} }, restartCount: 3, lastState })
  expect(cell('Restarts', pod({ phase: 'Running', containerStatuses: [restarted] }))).toBe('3 (2m ago)')
  expect(cell('Restarts', pod({ phase: 'Running', containerStatuses: [running] }))).toBe('0')
})

test('a started sidecar counts among the ready containers', () => {
  const sidecar = { ...running, name: 'proxy', started: true }
  const object = pod({ phase: 'Running', initContainerStatuses: [sidecar], containerStatuses: [running] })
  object.spec.initContainers = [{ name: 'proxy', restartPolicy: 'Always' }]
  expect([cell('Status', object), cell('Ready', object)]).toEqual(['Running', '2/2'])
})

test('wide cells of a pod nobody has placed are <none>', () => {
  const names = ['IP', 'Node', 'Nominated Node', 'Readiness Gates']
  expect(names.map((name) => cell(name, pod({})))).toEqual(names.map(() => '<none>'))
})
