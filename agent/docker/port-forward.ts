// A connection to a port on the loopback address of another network namespace. Node cannot change namespaces, so socat
// is started in it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { Duplex } from 'node:stream'

/** /proc/net/tcp's state of a listening socket: https://docs.kernel.org/networking/proc_net_tcp.html */
const listening = '0A'
/** socat ends half a second after one side ends, unless told otherwise; a slow answer may come long after its question. */
const halfClosedSeconds = '3600'

/** Connects inside the network namespace of the process. */
export async function connectInNamespace(pid: number, port: number): Promise<Duplex> {
  const address = chooseAddress(await readTables(pid), port)
  if (address === undefined) throw new Error(`nothing listens on port ${port} in the pod`)
  // Node's pipes are socket pairs: one descriptor goes both ways, and each way ends by itself.
  const args = [`--net=/proc/${pid}/ns/net`, 'socat', '-t', halfClosedSeconds, 'FD:3', address]
  const child = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  const stream = child.stdio[3]
  assert(stream instanceof Duplex && child.stderr !== null)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk))
  child.on('error', (error) => stream.destroy(new Error('cannot start nsenter', { cause: error })))
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) stream.destroy(new Error(explain(complaint, port)))
  })
  stream.on('close', () => void child.kill())
  return stream
}

function explain(complaint: string, port: number): string {
  if (complaint.includes('failed to execute socat'))
    return 'port-forward needs socat on the node: apt-get install socat'
  return `cannot connect to port ${port} in the pod: ${complaint.trim()}`
}

interface SocketTables {
  tcp: string
  tcp6: string
}

async function readTables(pid: number): Promise<SocketTables> {
  // A kernel without IPv6 has no second table.
  const [tcp, tcp6] = await Promise.all([
    readFile(`/proc/${pid}/net/tcp`, 'utf8'),
    readFile(`/proc/${pid}/net/tcp6`, 'utf8').catch(() => ''),
  ])
  return { tcp, tcp6 }
}

/** socat's address of whoever listens there: IPv4's loopback first, as a socket on all IPv6 addresses takes IPv4 too. */
export function chooseAddress({ tcp, tcp6 }: SocketTables, port: number): string | undefined {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const listeners = (table: string) =>
    table
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(wanted) && fields[3] === listening)
      .map(([, local = '']) => local.slice(0, -wanted.length))
  if (listeners(tcp).length > 0) return `TCP4:127.0.0.1:${port}`
  const ipv6 = listeners(tcp6)
  if (ipv6.length === 0) return undefined
  return ipv6.some((address) => /^0+$/.test(address)) ? `TCP4:127.0.0.1:${port}` : `TCP6:[::1]:${port}`
}
