// Processes that one talks to: exec, attach, and exec with a time limit.

import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Exec } from 'dockerode'
import { signalProcess } from '../../cni/linux/processes.ts'
import type { ExecOptions, ExecSession } from '../runtime/runtime.ts'
import { type DockerClient, isStatus, ofContainer } from './docker-client.ts'
import { splitOutput } from './streams.ts'

const outputLimit = 10_000
/** The daemon tells of a process's end a little after its streams' end. */
const endPollMs = 20
const endPollLimitMs = 1000
/** Beginning takes it longer on a machine that is busy. */
const beginLimitMs = 10_000
const killedExitCode = 137

interface StartedExec {
  session: ExecSession
  exec: Exec
}

async function startExec(client: DockerClient, containerId: string, options: ExecOptions): Promise<StartedExec> {
  const { command, stdin, tty } = options
  const streams = { AttachStdin: stdin, AttachStdout: true, AttachStderr: true }
  const request = client.getContainer(containerId).exec({ Cmd: command, Tty: tty, ...streams })
  const exec = await ofContainer(containerId, request)
  // hijack and stdin are dockerode's: they make the connection two-way.
  const connection = await exec.start({ hijack: true, stdin: true, Tty: tty })
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const outputs = splitOutput(connection, tty)
  connection.on('close', resolve)
  connection.on('end', resolve)
  const closed = new AbortController()
  const exitCode = ended.then(() => waitForExec(exec, closed.signal))
  exitCode.catch(() => undefined) // thrown again to whoever asks, which may be after all output is read
  const session: ExecSession = {
    stdin: connection,
    ...outputs,
    resize: (columns, rows) => resizeExec(exec, columns, rows),
    exitCode,
    close: () => {
      closed.abort()
      connection.destroy()
      if (tty) signalExec(exec, 'SIGHUP').catch(() => undefined) // gone with its container, or with the daemon
    },
  }
  return { session, exec }
}

export async function openExec(client: DockerClient, containerId: string, options: ExecOptions): Promise<ExecSession> {
  return (await startExec(client, containerId, options)).session
}

export async function runExec(client: DockerClient, containerId: string, command: string[], timeoutMs: number) {
  const { session, exec } = await startExec(client, containerId, { command, stdin: false, tty: false })
  let output = ''
  const collect = (chunk: string) => (output += chunk.slice(0, outputLimit - output.length))
  for (const stream of [session.stdout, session.stderr]) stream.setEncoding('utf8').on('data', collect)
  const stop = new AbortController()
  const tooLate = wait(timeoutMs, 'late' as const, { signal: stop.signal }).catch(() => 'ended' as const) // stopped
  const first = await Promise.race([session.exitCode, tooLate])
  stop.abort()
  if (typeof first === 'number') return { exitCode: first, output, timedOut: false }
  try {
    await signalExec(exec, 'SIGKILL')
  } finally {
    session.close()
  }
  return { exitCode: killedExitCode, output, timedOut: true }
}

export async function openAttach(
  client: DockerClient,
  containerId: string,
  { stdin, tty }: { stdin: boolean; tty: boolean },
): Promise<ExecSession> {
  const container = client.getContainer(containerId)
  const options = { stream: true, stdin, stdout: true, stderr: !tty, hijack: true }
  const connection = (await ofContainer(containerId, container.attach(options))) as Duplex
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const outputs = splitOutput(connection, tty)
  // Only an end from over there counts: after close() nobody asks any more.
  const closed = new AbortController()
  const onEnd = () => {
    if (!closed.signal.aborted) resolve()
  }
  connection.on('end', onEnd)
  connection.on('close', onEnd)
  const exitCode = ended.then(async () => (await container.wait()).StatusCode)
  exitCode.catch(() => undefined) // thrown again to whoever asks
  return {
    stdin: connection,
    ...outputs,
    resize: (columns, rows) => container.resize({ w: columns, h: rows }),
    exitCode,
    close: () => {
      closed.abort()
      connection.destroy()
    },
  }
}

async function resizeExec(exec: Exec, columns: number, rows: number): Promise<void> {
  // The first size comes with the start, often before the process is there.
  for (let tries = 0; tries < 20; tries++) {
    try {
      return await exec.resize({ w: columns, h: rows })
    } catch (error) {
      if (!isStatus(error, 400, 404, 409, 500)) throw error
      if (!(await exec.inspect()).Running && tries > 0) return
      await wait(endPollMs)
    }
  }
}

/** After the caller has closed the session nobody asks for the code, and the process may run on. */
async function waitForExec(exec: Exec, closed: AbortSignal): Promise<number> {
  for (let pollMs = endPollMs; ; pollMs = Math.min(pollMs * 2, endPollLimitMs)) {
    const { Running, ExitCode } = await exec.inspect()
    if (!Running && ExitCode !== null) return ExitCode
    if (closed.aborted) return killedExitCode
    await wait(pollMs)
  }
}

/** Docker's API cannot end an exec, but tells its process id in the host's pid namespace, which is the agent's own. */
async function signalExec(exec: Exec, signal: NodeJS.Signals): Promise<void> {
  const pid = await pidOf(exec)
  if (pid !== undefined) signalProcess(pid, signal)
}

/** Undefined when the process has ended, or did not begin in time: the daemon answers a start before it does. */
async function pidOf(exec: Exec): Promise<number | undefined> {
  for (let waitedMs = 0; waitedMs < beginLimitMs; waitedMs += endPollMs) {
    const { Running, Pid, ExitCode } = await exec.inspect()
    if (!Running && ExitCode !== null) return undefined
    if (Running && Pid > 0) return Pid
    await wait(endPollMs)
  }
  return undefined
}
