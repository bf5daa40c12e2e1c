// The figures of a bench, and how they are shown: one matrix for each way and each kind of figure.

import { formatLines } from '../../table.ts'
import type { Latency, Throughput } from './probe.ts'

/** Straight to the pod's address, or by the Service's. */
export type Way = 'pod' | 'service'
export const ways: readonly Way[] = ['pod', 'service']

export interface Measure {
  from: string
  to: string
  via: Way
  throughput: Throughput
  /** Microseconds. */
  latency: Latency
}

/** Rows are where packets come from, columns where they go to. */
export function formatMatrices(nodes: readonly string[], measures: readonly Measure[]): string {
  const figures: [title: string, cell: (measure: Measure) => string][] = [
    ['throughput, Gbit/s (sent again)', ({ throughput }) => formatThroughput(throughput)],
    [
      'answer on an open connection, µs: median (99th percentile)',
      ({ latency }) => `${latency.requestP50} (${latency.requestP99})`,
    ],
    ['new connection, µs: median', ({ latency }) => String(latency.connectP50)],
  ]
  return figures
    .flatMap(([title, cell]) =>
      ways.map((way) => {
        const find = (from: string, to: string) =>
          measures.find((measure) => measure.from === from && measure.to === to && measure.via === way)
        const rows = nodes.map((from) => [
          from,
          ...nodes.map((to) => {
            const measure = find(from, to)
            return measure === undefined ? '-' : cell(measure)
          }),
        ])
        return `${way === 'pod' ? 'pod to pod' : 'pod to Service'}: ${title}\n${formatLines([['FROM \\ TO', ...nodes], ...rows])}`
      }),
    )
    .join('\n')
}

function formatThroughput({ megabitsPerSecond, retransmits }: Throughput): string {
  const text = (megabitsPerSecond / 1000).toFixed(megabitsPerSecond < 1000 ? 3 : 1)
  return retransmits === 0 ? text : `${text} (${retransmits})`
}
