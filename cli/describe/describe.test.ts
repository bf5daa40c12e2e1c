import { expect, test } from 'vitest'
import type { CoreEvent, Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { formatEvents } from './events.ts'
import { describeAny, toTitle } from './generic.ts'
import { describeNode } from './node.ts'
import { describePod } from './pod.ts'
import { formatSheet } from './sheet.ts'

const meta = {
  name: 'web',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
}

test('values of a level are in line, lists below one another, rows of rows indented', () => {
  const text = formatSheet([
    ['Name', 'web'],
    ['Labels', ['a=1', 'b=2']],
    ['Nothing', []],
    ['Left Out', undefined],
    ['Containers', [['main', [['Image', 'x:1']]]]],
  ])
  expect(text).toBe(
    [
      'Name:     web',
      'Labels:   a=1',
      '          b=2',
      'Nothing:  <none>',
      'Containers:',
      '  main:',
      '    Image:  x:1',
      '',
    ].join('\n'),
  )
})

test('a table stands below its label', () => {
  expect(
    formatSheet([
      ['Name', 'n1'],
      ['A Long Label', ['', 'Type   Status', 'Ready  True']],
    ]),
  ).toBe('Name:  n1\nA Long Label:\n  Type   Status\n  Ready  True\n')
})

test('a pod that cannot start says why', () => {
  const pod: Stored<Pod> = {
    metadata: meta,
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x:1', resources: { limits: { cpu: '1' } } }] },
    status: {
      phase: 'Pending',
      containerStatuses: [
        {
          name: 'main',
          image: 'x:1',
          imageID: '',
          ready: false,
          restartCount: 4,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
          lastState: { terminated: { exitCode: 3, reason: 'Error' } },
        },
      ],
    },
  }
  const text = formatSheet(describePod(pod))
  expect(text).toMatch(/^Status: +Pending$/m)
  expect(text).toMatch(/State: +Waiting\n +Reason: +CrashLoopBackOff\n/)
  expect(text).toMatch(/Last State: +Terminated\n +Reason: +Error\n +Exit Code: +3\n/)
  expect(text).toMatch(/Restart Count: +4\n/)
})

test('a node adds up what its running pods request', () => {
  const node: Stored<Node> = { metadata: meta, spec: {}, status: { allocatable: { cpu: '2', memory: '4Gi' } } }
  const pod = (cpu: string, phase = 'Running'): Stored<Pod> => ({
    metadata: meta,
    spec: { containers: [{ name: 'main', resources: { requests: { cpu } } }] },
    status: { phase },
  })
  const text = formatSheet(describeNode(node, [pod('250m'), pod('250m'), pod('1', 'Succeeded')]))
  expect(text).toMatch(/cpu: +500m \(25%\)/)
  expect(text).toContain('Non-terminated Pods (2 in total)')
})

test('any kind is shown field by field', () => {
  const object = {
    apiVersion: 'a/v1',
    kind: 'Gizmo',
    metadata: meta,
    spec: { podIPs: ['1', '2'], deep: [{ x: true }] },
  }
  const text = formatSheet(describeAny(object))
  expect(text).toMatch(/Spec:\n {2}Pod IPs: +1\n +2\n {2}Deep:\n {4}1:\n {6}X: +true\n/)
  expect([toTitle('podIPs'), toTitle('example.com/a')]).toEqual(['Pod IPs', 'example.com/a'])
})

test('events are listed from the oldest, repeats with their number', () => {
  const nowMs = Date.parse('2026-01-01T01:00:00Z')
  const event = (reason: string, minute: string, count = 1): Stored<CoreEvent> => ({
    metadata: meta,
    involvedObject: {},
    type: 'Normal',
    reason,
    message: `it ${reason}`,
    source: { component: 'kubelet' },
    count,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: `2026-01-01T00:${minute}:00Z`,
  })
  const lines = formatEvents([event('B', '50', 3), event('A', '40')], nowMs).split('\n')
  expect(lines.slice(3, 5)).toEqual([
    '  Normal   A        20m                 kubelet   it A',
    '  Normal   B        10m (x3 over 60m)   kubelet   it B',
  ])
  expect(formatEvents([], nowMs)).toBe('Events:  <none>\n')
})
