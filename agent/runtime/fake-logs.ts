// The log of a fake container: lines with their times, read back as Docker gives them.

import { PassThrough, Readable } from 'node:stream'
import type { LogOptions } from './runtime.ts'

interface Line {
  stream: 'stdout' | 'stderr'
  timeMs: number
  text: string
}

/** Keeps whole lines; a last line without an end counts when its stream closes. */
export class FakeLog {
  readonly #lines: Line[] = []
  readonly #followers = new Set<(line: Line | undefined) => void>()
  #open = 0

  /** Takes in everything that a process writes. */
  record(stream: Line['stream'], source: Readable, now: () => number): void {
    let rest = ''
    this.#open++
    source.setEncoding('utf8')
    source.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const text of parts) this.#append({ stream, timeMs: now(), text })
    })
    source.on('end', () => {
      if (rest !== '') this.#append({ stream, timeMs: now(), text: rest })
      if (--this.#open === 0) for (const follower of this.#followers) follower(undefined)
    })
  }

  read({ follow, tailLines, sinceMs = 0, timestamps, stream, limitBytes = Infinity }: LogOptions): Readable {
    const wanted = (line: Line) => line.timeMs >= sinceMs && (stream === undefined || line.stream === stream)
    const format = ({ timeMs, text }: Line) => `${timestamps ? `${new Date(timeMs).toISOString()} ` : ''}${text}\n`
    const past = this.#lines.filter(wanted)
    const first = tailLines === undefined ? past : past.slice(Math.max(0, past.length - tailLines))
    if (!follow || this.#open === 0) return Readable.from([first.map(format).join('').slice(0, limitBytes)])
    const output = new PassThrough()
    for (const line of first) output.write(format(line))
    const follower = (line: Line | undefined) => {
      if (line === undefined) output.end()
      else if (wanted(line)) output.write(format(line))
    }
    this.#followers.add(follower)
    output.on('close', () => this.#followers.delete(follower))
    return output
  }

  #append(line: Line): void {
    this.#lines.push(line)
    for (const follower of this.#followers) follower(line)
  }
}
