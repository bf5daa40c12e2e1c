// Reads Docker's inspect answers as sandboxes and containers. Pure.

import type { ContainerInspectInfo } from 'dockerode'
import type { Container, ContainerState, Sandbox } from '../runtime/runtime.ts'
import {
  annotationsOf,
  attemptOf,
  containerNameLabel,
  imageLabel,
  networkLabel,
  podOf,
  sandboxIdLabel,
} from './labels.ts'

/** The part of an inspect answer that is read here. */
export type Inspected = Pick<ContainerInspectInfo, 'Id' | 'Created' | 'Image'> & {
  State: Pick<
    ContainerInspectInfo['State'],
    'Status' | 'Running' | 'Pid' | 'ExitCode' | 'OOMKilled' | 'Error' | 'StartedAt' | 'FinishedAt'
  >
  Config: { Labels: Record<string, string> }
}

/** What CRI says of a container that could not be started. */
const cannotRunExitCode = 128

export function toSandbox({ Id, Created, State, Config: { Labels } }: Inspected): Sandbox {
  return {
    id: Id,
    pod: podOf(Labels),
    attempt: attemptOf(Labels),
    state: State.Running ? 'ready' : 'notReady',
    network: Labels[networkLabel] === 'node' ? 'node' : 'pod',
    createdAtMs: parseTime(Created),
    ...(State.Running && { pid: State.Pid }),
  }
}

export function toContainer(inspected: Inspected): Container {
  const { Id, Created, Image, Config } = inspected
  return {
    id: Id,
    sandboxId: Config.Labels[sandboxIdLabel] ?? '',
    pod: podOf(Config.Labels),
    name: Config.Labels[containerNameLabel] ?? '',
    attempt: attemptOf(Config.Labels),
    image: Config.Labels[imageLabel] ?? Image,
    imageId: Image,
    createdAtMs: parseTime(Created),
    annotations: annotationsOf(Config.Labels),
    ...toOutcome(inspected),
  }
}

type Outcome = Pick<Container, 'state' | 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>

function toOutcome({ Created, State }: Inspected): Outcome {
  const startedAtMs = parseTime(State.StartedAt)
  const unended = { startedAtMs, finishedAtMs: 0, exitCode: 0, reason: '', message: '' }
  if (['running', 'paused', 'restarting'].includes(State.Status)) return { ...unended, state: 'running' }
  // Docker leaves a container that it could not start as "created", with the error and an exit code of 126 to 128.
  const failedToStart = startedAtMs === 0 && (State.Error !== '' || State.ExitCode !== 0)
  if (failedToStart) {
    const atMs = parseTime(State.FinishedAt) || parseTime(Created)
    const ending = { exitCode: cannotRunExitCode, reason: 'ContainerCannotRun', message: State.Error }
    return { state: 'exited', startedAtMs: atMs, finishedAtMs: atMs, ...ending }
  }
  const state: ContainerState = State.Status === 'created' ? 'created' : 'exited'
  if (state === 'created') return { ...unended, state }
  // A process that ends at once can be noted to have ended before it is noted to have started.
  const finishedAtMs = Math.max(startedAtMs, parseTime(State.FinishedAt))
  return { state, startedAtMs, finishedAtMs, exitCode: State.ExitCode, reason: endReason(State), message: State.Error }
}

function endReason({ OOMKilled, ExitCode }: Inspected['State']): string {
  if (OOMKilled) return 'OOMKilled'
  return ExitCode === 0 ? 'Completed' : 'Error'
}

/** Docker writes times that have not come as year 1. */
function parseTime(text: string): number {
  return Math.max(0, Date.parse(text) || 0)
}
