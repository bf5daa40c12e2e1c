// A TCP connection to a server that echoes lines.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Host } from './namespaces.ts'

const answerLimitMs = 5_000

/** One connection, which stays open; each question is answered with itself. */
export class Caller {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>

  /** The target is "ADDRESS:PORT". */
  constructor(from: Host, target: string) {
    this.#process = spawn('nsenter', [`--net=${from.netns}`, 'socat', '-', `TCP:${target},connect-timeout=2`])
    // Told by the end of its output.
    this.#process.stdin.on('error', () => undefined)
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]()
  }

  /** The answer; undefined when there is no connection, or it has ended. One that does not answer within 5 s is ended. */
  async ask(question: string): Promise<string | undefined> {
    this.#process.stdin.write(`${question}\n`)
    const limit = setTimeout(() => this.close(), answerLimitMs)
    const { value } = await this.#answers.next()
    clearTimeout(limit)
    return value
  }

  close(): void {
    this.#process.kill()
  }
}
