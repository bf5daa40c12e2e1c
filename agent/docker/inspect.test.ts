import { expect, test } from 'vitest'
import { type Inspected, toContainer, toSandbox } from './inspect.ts'

const never = '0001-01-01T00:00:00Z'
const created = '2026-01-01T00:00:00.5Z'
const started = '2026-01-01T00:00:01.123456789Z'
const finished = '2026-01-01T00:00:09Z'

function inspected(state: Partial<Inspected['State']>): Inspected {
  const State = { Status: 'created', Running: false, Pid: 0, ExitCode: 0, OOMKilled: false, Error: '' }
  const times = { StartedAt: never, FinishedAt: never }
  return {
    Id: 'c1',
    Created: created,
    Image: 'sha256:1',
    State: { ...State, ...times, ...state },
    Config: { Labels: {} },
  }
}

test.each([
  ['created', {}, { state: 'created', startedAtMs: 0, finishedAtMs: 0, reason: '' }],
  [
    'running',
    { Status: 'running', StartedAt: started },
    { state: 'running', startedAtMs: Date.parse(started), reason: '' },
  ],
  [
    'ended well',
    { Status: 'exited', StartedAt: started, FinishedAt: finished },
    { state: 'exited', exitCode: 0, reason: 'Completed', finishedAtMs: Date.parse(finished) },
  ],
  ['failed', { Status: 'exited', ExitCode: 3, StartedAt: started }, { state: 'exited', exitCode: 3, reason: 'Error' }],
  [
    'killed for its memory',
    { Status: 'exited', ExitCode: 137, OOMKilled: true, StartedAt: started },
    { state: 'exited', exitCode: 137, reason: 'OOMKilled' },
  ],
  [
    'not startable',
    { Status: 'created', ExitCode: 127, Error: 'no such file' },
    {
      state: 'exited',
      exitCode: 128,
      reason: 'ContainerCannotRun',
      message: 'no such file',
      finishedAtMs: Date.parse(created),
    },
  ],
] as const)('a container that is %s is read as such', (_, state, expected) => {
  expect(toContainer(inspected(state))).toMatchObject(expected)
})

test('a container is never read to have ended before it started', () => {
  const state = { Status: 'exited', StartedAt: finished, FinishedAt: started }
  expect(toContainer(inspected(state)).finishedAtMs).toBe(Date.parse(finished))
})

test('a sandbox has a process only while it runs', () => {
  expect(toSandbox(inspected({ Status: 'running', Running: true, Pid: 42 }))).toMatchObject({ state: 'ready', pid: 42 })
  expect(toSandbox(inspected({ Status: 'exited' }))).not.toHaveProperty('pid')
})
