// Processes of FakeRuntime: a few small programs that behave as their namesakes do, so that one suite of cases runs on the
// fake and on Docker. Tests add programs of their own to the table.

import { PassThrough } from 'node:stream'

/** A running fake program: its streams, and how it ends. */
export interface FakeProcess {
  readonly args: readonly string[]
  readonly stdin: PassThrough
  readonly stdout: PassThrough
  readonly stderr: PassThrough
  /** Aborted by SIGKILL, and by SIGTERM unless ignoresTerm is set. */
  readonly signal: AbortSignal
  /** Set by a program that lives on after SIGTERM. */
  ignoresTerm: boolean
}

/** Runs to its end and returns the exit code. One that was aborted may return anything. */
export type FakeProgram = (process: FakeProcess) => Promise<number>

const untilAborted = (signal: AbortSignal) =>
  new Promise<number>((resolve) => {
    if (signal.aborted) resolve(0)
    signal.addEventListener('abort', () => resolve(0), { once: true })
  })

const sleep: FakeProgram = ({ args, signal }) => {
  const seconds = Number(args[1])
  if (!Number.isFinite(seconds)) return untilAborted(signal)
  const { promise, resolve } = Promise.withResolvers<number>()
  const timer = setTimeout(resolve, seconds * 1000, 0)
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
    resolve(0)
  })
  return promise
}

const echo: FakeProgram = async ({ args, stdout }) => {
  stdout.write(`${args.slice(1).join(' ')}\n`)
  return 0
}

const cat: FakeProgram = async ({ stdin, stdout, signal }) => {
  signal.addEventListener('abort', () => stdin.end(), { once: true })
  for await (const chunk of stdin) stdout.write(chunk)
  return 0
}

/** Understands `echo WORDS [>&2]`, `exit N`, `sleep N`, `trap "" TERM` and programs of the table, separated by semicolons. */
const shell =
  (programs: Map<string, FakeProgram>): FakeProgram =>
  async (process) => {
    for (const statement of (process.args[2] ?? '').split(';').map((text) => text.trim())) {
      const toStderr = statement.endsWith('>&2')
      const args = statement.replace(/\s*>&2$/, '').split(/\s+/)
      const [name = ''] = args
      if (name === 'exit') return Number(args[1] ?? 0)
      if (name === 'trap') process.ignoresTerm = true
      else if (name !== '')
        await programs.get(name)?.({ ...process, args, stdout: toStderr ? process.stderr : process.stdout })
      if (process.signal.aborted) return 0
    }
    return 0
  }

/** A fresh table of the programs that every fake image has. */
export function makePrograms(): Map<string, FakeProgram> {
  const programs = new Map<string, FakeProgram>([
    ['sleep', sleep],
    ['echo', echo],
    ['cat', cat],
    ['true', async () => 0],
    ['false', async () => 1],
    ['serve', ({ signal }) => untilAborted(signal)],
  ])
  return programs.set('sh', shell(programs))
}

/** A started program that can be signalled and waited for. */
export class RunningProcess {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly exitCode: Promise<number>
  readonly #kill = new AbortController()
  readonly #forced = Promise.withResolvers<number>()
  readonly #process: FakeProcess

  constructor(program: FakeProgram, args: readonly string[]) {
    const { stdin, stdout, stderr } = this
    this.#process = { args, stdin, stdout, stderr, signal: this.#kill.signal, ignoresTerm: false }
    this.exitCode = Promise.race([this.#forced.promise, program(this.#process)]).then((code) => {
      stdout.end()
      stderr.end()
      return code
    })
  }

  /** SIGTERM: the program ends with 143, unless it ignores it. */
  terminate(): void {
    if (!this.#process.ignoresTerm) this.end(143)
  }

  /** Ends it now with this exit code, 137 as by SIGKILL. */
  end(exitCode = 137): void {
    this.#forced.resolve(exitCode)
    this.#kill.abort()
  }
}
