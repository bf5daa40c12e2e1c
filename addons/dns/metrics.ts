// What Prometheus may read of a DNS server. Names follow its rules: base units, _total for counters.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Asked, Outcome } from './message.ts'
import type { Protocol } from './server.ts'

/** Other types are counted together: the asker chooses them, and each would be a series. */
const countedTypes = new Set(['A', 'AAAA', 'SRV', 'PTR', 'CNAME', 'SOA', 'NS', 'TXT', 'MX', 'HTTPS'])

export class Metrics {
  readonly registry = new Registry()
  readonly #requests = new Counter({
    name: 'fairlead_dns_requests_total',
    help: 'Questions by protocol and type.',
    labelNames: ['proto', 'type'] as const,
    registers: [this.registry],
  })
  readonly #responses = new Counter({
    name: 'fairlead_dns_responses_total',
    help: 'Answers by response code.',
    labelNames: ['rcode'] as const,
    registers: [this.registry],
  })
  readonly #duration = new Histogram({
    name: 'fairlead_dns_request_duration_seconds',
    help: 'Time from question to answer, by whether the cluster itself was asked.',
    labelNames: ['zone'] as const,
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5],
    registers: [this.registry],
  })
  readonly #forwards = new Counter({
    name: 'fairlead_dns_forwards_total',
    help: 'Questions outside the cluster by who answered: cache, upstream or nobody.',
    labelNames: ['from'] as const,
    registers: [this.registry],
  })

  constructor() {
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      registers: [this.registry],
      collect() {
        this.set(process.memoryUsage.rss())
      },
    })
  }

  countAnswer({ question }: Asked, { rcode, isAuthoritative }: Outcome, proto: Protocol, tookMs: number): void {
    this.#requests.inc({ proto, type: countedTypes.has(question.type) ? question.type : 'other' })
    this.#responses.inc({ rcode })
    this.#duration.observe({ zone: isAuthoritative ? 'cluster' : 'outside' }, tookMs / 1000)
  }

  countForward(from: 'cache' | 'upstream' | 'nobody'): void {
    this.#forwards.inc({ from })
  }
}
