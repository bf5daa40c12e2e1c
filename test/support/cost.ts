// What a piece of work costs this process and the programs that it starts.

import { readFileSync } from 'node:fs'
import { median, range } from './figures.ts'

/** What one call cost. Times of programs come in steps of 10 ms. */
export interface Cost {
  wallMs: number
  /** Processor time of this process, and of the programs it started with what the kernel did for them. */
  ownMs: number
  programsMs: number
  rssMb: number
  peakMb: number
}

/** Does the work and says what it cost. The peak of memory is that of the process's whole life. */
export async function measureCost(work: () => Promise<void>): Promise<Cost> {
  const [cpu, children, started] = [process.cpuUsage(), childrenMs(), performance.now()]
  await work()
  const wallMs = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  const rssMb = process.memoryUsage.rss() / 2 ** 20
  const peakMb = process.resourceUsage().maxRSS / 2 ** 10
  return { wallMs, ownMs: (user + system) / 1000, programsMs: childrenMs() - children, rssMb, peakMb }
}

/** One line about how often the same work was done and what that cost. */
export function describeCosts(costs: readonly Cost[]): string {
  const of = (key: keyof Cost) => costs.map((cost) => cost[key])
  const middle = (key: keyof Cost) => median(of(key)).toFixed(0)
  // Programs' times come in steps, so their mean says more than their median.
  const programs = of('programsMs').reduce((sum, each) => sum + each, 0) / costs.length
  return `${range(of('wallMs'), 'ms')}; processor: agent ${middle('ownMs')}ms, programs ${programs.toFixed(0)}ms; memory ${middle('rssMb')}MB, peak ${middle('peakMb')}MB`
}

/** User and system time of ended children (proc(5)), in milliseconds. */
function childrenMs(): number {
  const words = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(words[13]) + Number(words[14])) * 10
}
