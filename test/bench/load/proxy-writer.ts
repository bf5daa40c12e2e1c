// An agent's proxy without an API server: writes a table of Services of the wanted size to the network namespace that it runs
// in, and tells what that cost. Usage: proxy-writer.ts MODE SERVICES ENDPOINTS; it is asked by IPC.

import type { ServiceChanges } from '../../../agent/proxy/backend.ts'
import { createBackend, isProxyMode } from '../../../agent/proxy/modes.ts'
import type { Endpoint, ServicePort } from '../../../agent/proxy/table.ts'
import { makeServicePort } from '../../../agent/proxy/test-ports.ts'
import { measureCost } from '../../support/cost.ts'

/** What it can be asked: write the whole table; write it with one endpoint changed. */
export type Order = 'sync' | 'change'

export const clusterCidr = '10.240.0.0/12'
/** The last Service, which has real endpoints at these addresses. */
export const lastEndpoints = { prefix: '10.255.0.', firstHost: 2, port: 8080 }

/** The node's address, where the mode userspace listens. */
export const nodeIp = '192.0.2.11'

/** The ClusterIP of a Service. */
export function clusterIpOf(index: number): string {
  return toAddress(0x0a600000 + 1 + index)
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
}

function makeService(index: number, count: number, size: number, shift = 0): ServicePort {
  const cluster = Array.from({ length: size }, (_, at): Endpoint => {
    // With a shift, the first endpoint is another one.
    const ip = toAddress(0x0af00000 + ((index * size + at + 1) % 0xe_0000) + (at === 0 ? shift * 0xe_0000 : 0))
    return { ip, port: 8080, local: false }
  })
  const { prefix, firstHost, port } = lastEndpoints
  const isLast = index === count - 1
  const real = (_: Endpoint, at: number) => ({ ip: `${prefix}${firstHost + at}`, port, local: true })
  return makeServicePort({
    id: `default/s${index}:http`,
    clusterIp: clusterIpOf(index),
    cluster: isLast && count > 1 ? cluster.map(real) : cluster,
  })
}

function serve(mode: string, count: number, size: number): void {
  if (!isProxyMode(mode)) throw new Error(`no mode ${mode}`)
  const backend = createBackend(mode, { clusterCidrs: [clusterCidr], nodeIps: [nodeIp] })
  let changes = 0
  const table = (): ServiceChanges =>
    new Map(Array.from({ length: count }, (_, index) => [`default/s${index}`, [makeService(index, count, size)]]))
  const change = (): ServiceChanges => {
    changes++
    return new Map([['default/s0', [makeService(0, count, size, changes % 2)]]])
  }
  process.on('message', async (order: Order) => {
    const wanted = order === 'sync' ? table() : change()
    process.send?.(await measureCost(() => backend.apply(wanted)))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}

if (import.meta.main) {
  const [mode = '', count, size] = process.argv.slice(2)
  serve(mode, Number(count), Number(size))
}
