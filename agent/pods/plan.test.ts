import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import { keyOf, type PlanInput, planPod, sandboxKey, startKey } from './plan.ts'
import { makeContainer, makePod, makeSandbox, makeTemplate } from './test-pods.ts'

const nowMs = 100_000

function plan(spec: Partial<PodSpec>, more: Partial<PlanInput> = {}) {
  return planPod({
    pod: makePod(spec),
    sandboxes: [makeSandbox()],
    containers: [],
    busy: new Set(),
    notBeforeMs: new Map(),
    failures: new Map(),
    stopped: new Set(),
    isStarted: () => true,
    restartCounts: new Map(),
    nowMs,
    ...more,
  })
}

/** Steps as short text: what is done to what. */
function words(...args: Parameters<typeof plan>): string[] {
  return plan(...args).steps.map((step) => {
    if (step.do === 'createSandbox') return `createSandbox ${step.attempt}`
    if (step.do === 'startContainer') return `start ${step.template.name} ${step.attempt}`
    if (step.do === 'killContainer') return `kill ${step.container.id} ${step.graceSeconds}s`
    return `${step.do} ${'container' in step ? step.container.id : step.sandbox.id}`
  })
}

const two = { containers: [makeTemplate('a'), makeTemplate('b')] }
const withInit = { initContainers: [makeTemplate('i'), makeTemplate('j')] }
const sidecar = makeTemplate('s', { restartPolicy: 'Always' })
const ended = (name: string, more = {}) => makeContainer(name, { state: 'exited', exitCode: 1, ...more })
const delayed = (delayMs: number) => ({ 'fairlead.io/restart-delay-ms': String(delayMs) })

test.each<[string, Partial<PodSpec>, Partial<PlanInput>, string[]]>([
  ['a new pod gets a sandbox first', {}, { sandboxes: [] }, ['createSandbox 0']],
  [
    'a sandbox that is being made is not stopped before it runs',
    {},
    { sandboxes: [makeSandbox({ state: 'notReady' })], busy: new Set([sandboxKey]) },
    [],
  ],
  ['with a sandbox all apps start together', two, {}, ['start a 0', 'start b 0']],
  ['a start under way is not planned twice', two, { busy: new Set([startKey('a')]) }, ['start b 0']],
  ['init containers come one at a time', withInit, {}, ['start i 0']],
  ['a running init container is waited for', withInit, { containers: [makeContainer('i')] }, []],
  ['a done init container lets the next start', withInit, { containers: [ended('i', { exitCode: 0 })] }, ['start j 0']],
  [
    'after the last init container come the apps',
    withInit,
    { containers: [ended('i', { exitCode: 0 }), ended('j', { exitCode: 0 })] },
    ['start app 0'],
  ],
  [
    'init containers of a pod whose apps exist are not run again, though they were removed',
    withInit,
    { containers: [makeContainer('app')] },
    [],
  ],
  ['a failed init container is tried again', withInit, { containers: [ended('i')] }, ['start i 1']],
  [
    'a sidecar that has not started holds the apps back',
    { initContainers: [sidecar] },
    { containers: [makeContainer('s')], isStarted: () => false },
    [],
  ],
  [
    'a started sidecar lets the apps start',
    { initContainers: [sidecar] },
    { containers: [makeContainer('s')] },
    ['start app 0'],
  ],
  [
    'an ended sidecar comes back beside running apps, even after exit code 0',
    { initContainers: [sidecar], restartPolicy: 'Never' },
    { containers: [ended('s', { exitCode: 0 }), makeContainer('app')] },
    ['start s 1'],
  ],
  ['a first crash is mended at once', {}, { containers: [ended('app')] }, ['start app 1']],
  ['a crash in back-off waits', {}, { containers: [ended('app', { annotations: delayed(100_000) })] }, []],
  [
    'a crash after its back-off is mended',
    {},
    { containers: [ended('app', { annotations: delayed(10_000) })] },
    ['start app 1'],
  ],
  ['OnFailure restarts a failure', { restartPolicy: 'OnFailure' }, { containers: [ended('app')] }, ['start app 1']],
  [
    'OnFailure leaves a success, and ends the pod with the last of them',
    { restartPolicy: 'OnFailure' },
    { containers: [ended('app', { exitCode: 0 })] },
    ['stopSandbox sandbox-0'],
  ],
  ['Never leaves a failure', { restartPolicy: 'Never' }, { containers: [ended('app')] }, ['stopSandbox sandbox-0']],
  [
    'a failed probe kills with the grace period of the pod',
    {},
    { containers: [makeContainer('app')], failures: new Map([['app-0', { message: 'sick' }]]) },
    ['kill app-0 30s'],
  ],
  [
    'a lost sandbox takes its containers along',
    {},
    { sandboxes: [makeSandbox({ state: 'notReady' })], containers: [makeContainer('app')] },
    ['kill app-0 2s'],
  ],
  [
    'a lost sandbox is detached before there is a new one',
    {},
    { sandboxes: [makeSandbox({ state: 'notReady' })], containers: [ended('app')] },
    ['stopSandbox sandbox-0'],
  ],
  [
    'a detached sandbox is replaced by the next attempt',
    {},
    { sandboxes: [makeSandbox({ state: 'notReady' })], containers: [ended('app')], stopped: new Set(['sandbox-0']) },
    ['createSandbox 1'],
  ],
  [
    'in a new sandbox init containers run again',
    withInit,
    {
      sandboxes: [makeSandbox({ id: 'sandbox-1', attempt: 1 })],
      containers: [ended('i', { exitCode: 0 })],
      restartCounts: new Map(),
    },
    ['start i 1'],
  ],
  [
    'a container that is known to the API alone goes on counting',
    {},
    { restartCounts: new Map([['app', 4]]) },
    ['start app 5'],
  ],
  [
    'a container made by an earlier life is started',
    {},
    { containers: [makeContainer('app', { state: 'created' })] },
    ['start app 0'],
  ],
  [
    'of ended containers two are kept',
    {},
    { containers: [ended('app'), ended('app', { attempt: 1 }), makeContainer('app', { attempt: 2 })] },
    ['removeContainer app-0'],
  ],
  [
    'a deleted pod has its containers killed with the grace it was given',
    two,
    {
      containers: [makeContainer('a'), makeContainer('b')],
      ending: { graceSeconds: 5, message: 'Stopping container' },
    },
    ['kill a-0 5s', 'kill b-0 5s'],
  ],
  [
    'sidecars outlive the apps of a deleted pod',
    { initContainers: [sidecar] },
    { containers: [makeContainer('s'), makeContainer('app')], ending: { graceSeconds: 5, message: '' } },
    ['kill app-0 5s'],
  ],
  [
    'a sidecar has what the apps left of the grace period',
    { initContainers: [sidecar] },
    {
      containers: [makeContainer('s'), ended('app')],
      ending: { graceSeconds: 30, message: '' },
      endingSinceMs: nowMs - 12_500,
    },
    ['kill s-0 18s'],
  ],
  [
    'sidecars that come late have two seconds, each after the other',
    { initContainers: [sidecar, makeTemplate('t', { restartPolicy: 'Always' })] },
    {
      containers: [makeContainer('s'), makeContainer('t'), ended('app')],
      ending: { graceSeconds: 30, message: '' },
      endingSinceMs: nowMs - 60_000,
    },
    ['kill t-0 2s'],
  ],
  [
    'sidecars of a pod that is done have all of its grace period',
    { initContainers: [sidecar], restartPolicy: 'Never' },
    { containers: [makeContainer('s'), ended('app')] },
    ['kill s-0 30s'],
  ],
  [
    'in a new sandbox an app that has done its work is not run again',
    { ...two, restartPolicy: 'OnFailure' },
    {
      sandboxes: [makeSandbox({ id: 'sandbox-1', attempt: 1 })],
      containers: [ended('a', { exitCode: 0 }), ended('b')],
      stopped: new Set(['sandbox-0']),
    },
    ['start b 1'],
  ],
])('%s', (_, spec, more, expected) => {
  expect(words(spec, more)).toEqual(expected)
})

test('a wait for a restart says when to look again', () => {
  const containers = [ended('app', { annotations: delayed(100_000) })]
  expect(plan({}, { containers }).wakeAtMs).toBe(120_000)
})

test('the delay of a restart doubles, ends at five minutes, and starts over after ten minutes of running', () => {
  const delayAfter = (carriedMs: number, ranMs: number) => {
    const container = ended('app', { annotations: delayed(carriedMs), finishedAtMs: 10_000 + ranMs })
    const [step] = plan({}, { containers: [container], nowMs: 10_000_000 }).steps
    return step?.do === 'startContainer' ? step.restartDelayMs : undefined
  }
  expect([0, 10_000, 160_000, 300_000].map((carriedMs) => delayAfter(carriedMs, 1_000))).toEqual([
    10_000, 20_000, 300_000, 300_000,
  ])
  expect(delayAfter(300_000, 600_000)).toBe(10_000)
})

test('a pod has ended only when no container runs and every sandbox is known to be gone', () => {
  const ending = { graceSeconds: 0, message: '' }
  expect(plan({}, { containers: [makeContainer('app')], ending }).ended).toBe(false)
  expect(plan({}, { containers: [ended('app')], ending }).ended).toBe(false)
  const gone = { sandboxes: [makeSandbox({ state: 'notReady' })], stopped: new Set(['sandbox-0']) }
  expect(plan({}, { ...gone, containers: [ended('app')], ending }).ended).toBe(true)
  expect(plan({}, { ...gone, ending, busy: new Set([startKey('app')]) }).ended).toBe(false)
  const underway = { sandboxes: [makeSandbox({ state: 'notReady' })], busy: new Set([sandboxKey]), ending }
  expect(plan({}, underway)).toMatchObject({ steps: [], ended: false })
})

test('every step of a plan has a key of its own', () => {
  const keys = plan(two).steps.map(keyOf)
  expect(new Set(keys).size).toBe(2)
})
