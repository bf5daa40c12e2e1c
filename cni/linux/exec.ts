// The one place that starts programs on this host. Programs get no shell, and their words on stderr become the error.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { execa } from 'execa'
import { hasCode } from './system-error.ts'

export interface RunOptions {
  /** Text for standard input. */
  input?: string
  /** Run in this network namespace: a path such as /proc/123/ns/net or /run/netns/x. */
  netns?: string
  signal?: AbortSignal
  /** For programs that go on after a failed line of their input and end with 0: words on stderr are a failure too. */
  strict?: boolean
}

/** A program ended with an exit code other than 0, or by a signal, or could not be started (exitCode undefined then). */
export class CommandError extends Error {
  readonly code = 'COMMAND_FAILED'
  readonly exitCode: number | undefined
  readonly stderr: string

  constructor(command: string, exitCode: number | undefined, stderr: string, cause: unknown) {
    super(`${command}: ${stderr.trim() || describeEnd(exitCode, cause)}`, { cause })
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

function describeEnd(exitCode: number | undefined, cause: unknown): string {
  if (exitCode !== undefined) return `exit code ${exitCode}`
  if (typeof cause === 'string') return `ended by ${cause}`
  return cause instanceof Error && cause.name === 'AbortError' ? 'broken off' : 'not started'
}

/** Whether a command failed because its program is not on this host. */
export function isMissingProgram(error: unknown): boolean {
  return error instanceof CommandError && hasCode(error.cause, 'ENOENT')
}

/** How many scopes want programs in sessions of their own. */
let scopesApart = 0

/**
 * Until it is disposed of, programs are run in sessions of their own: what the terminal tells all that run in it, as at Ctrl-C or
 * when it goes, this process hears alone, and can finish what it began. Elsewhere they end with this process, as people expect.
 */
export function keepProgramsApart(): Disposable {
  scopesApart++
  return { [Symbol.dispose]: () => void scopesApart-- }
}

/** Runs a program to its end and returns what it wrote to stdout. Throws CommandError. */
export async function run(
  program: string,
  args: readonly string[],
  { input, netns, signal, strict = false }: RunOptions = {},
): Promise<string> {
  const [file, fileArgs] = enter(netns, program, args)
  const inputFile = input !== undefined && input.length > pipeLength ? writeInput(input) : undefined
  // Not execa: this is started for every pod and every change of a Service, and costs a third of the processor time.
  const child = spawn(file, fileArgs, {
    stdio: [inputFile ?? (input === undefined ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
    detached: scopesApart > 0,
    ...(signal !== undefined && { signal }),
  })
  if (inputFile !== undefined) closeSync(inputFile)
  // A program that ends before it has read all of its input says by its exit code whether that is a failure.
  child.stdin?.on('error', () => undefined).end(input)
  const [stdout, stderr, { exitCode, cause }] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    waitForEnd(child),
  ])
  if (exitCode === 0 && !(strict && stderr !== '')) return stdout
  throw new CommandError([program, ...args].join(' '), exitCode, stderr, cause)
}

/**
 * What is longer does not go into a pipe at once. Were this process killed after the first part, the program would take that
 * for all: it gets a file.
 */
const pipeLength = 32_768

/** A file without a name, open for reading from its start. */
function writeInput(text: string): number {
  const path = join(tmpdir(), `fairlead-input-${process.pid}-${process.hrtime.bigint()}`)
  const file = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  // At a given position, so that the reader starts from the first byte.
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at)
  return file
}

async function readAll(stream: Readable | null): Promise<string> {
  return stream === null ? '' : await text(stream)
}

/** Without an exit code it was never started, or ended by a signal; the cause says so. */
function waitForEnd(child: ChildProcess): Promise<{ exitCode: number | undefined; cause: unknown }> {
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number | undefined; cause: unknown }>()
  child.once('error', (cause) => resolve({ exitCode: undefined, cause }))
  child.once('close', (code, signal) => resolve({ exitCode: code ?? undefined, cause: signal ?? undefined }))
  return promise
}

/** A program that goes on while its words are read. */
export interface Running {
  stdout: Readable
  /** Resolves when the program has ended, by itself or by stop(); rejects with a CommandError when it failed. */
  ended: Promise<void>
  /** Asks it to end (SIGTERM). */
  stop(): void
}

/** Starts a program whose stdout is a stream. */
export function start(program: string, args: readonly string[], { netns }: Pick<RunOptions, 'netns'> = {}): Running {
  const [file, fileArgs] = enter(netns, program, args)
  const child = execa(file, fileArgs, { reject: false, stdin: 'ignore', buffer: { stdout: false } })
  let isStopped = false
  const ended = child.then(({ failed, exitCode, stderr, ...rest }) => {
    if (failed && !isStopped)
      throw new CommandError([program, ...args].join(' '), exitCode, String(stderr ?? ''), rest.signal ?? rest)
  })
  ended.catch(() => undefined) // whoever waits for it hears of it
  return {
    stdout: child.stdout,
    ended,
    stop: () => {
      isStopped = true
      child.kill('SIGTERM')
    },
  }
}

/** nsenter, not `ip netns exec`: the latter mounts a fresh /sys, which hides the cgroup mounts. */
function enter(netns: string | undefined, program: string, args: readonly string[]): [string, readonly string[]] {
  return netns === undefined ? [program, args] : ['nsenter', [`--net=${netns}`, program, ...args]]
}
