// The only door to ipvsadm: virtual servers are read from its listing and changed by one `ipvsadm -R`.

import { existsSync } from 'node:fs'
import { CommandError, type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

export interface VirtualServer {
  /** How connections are spread: rr, lc, dh, sh, sed, nq. */
  scheduler: string
  /** Seconds that a client stays with its real server; absent: each connection is spread anew. */
  persistenceSeconds?: number
  /** By address and port, such as "10.244.1.2:8080" or "[fd00::2]:8080". */
  realServers: Map<string, RealServer>
}

interface RealServer {
  /** 0: no new connections. */
  weight: number
  /** Connections that the kernel still has for it, open or closing. */
  connections: number
}

/**
 * The virtual servers of the namespace, by the words that name them to ipvsadm, such as "-t 10.96.0.1:443",
 * "-u [fd00::a]:53" or, for a firewall mark, "-f 65536" and "-f 65536 -6".
 */
export async function readVirtualServers(where: Where = {}): Promise<Map<string, VirtualServer>> {
  return parseListing(await run('ipvsadm', ['-Ln'], where))
}

/** All virtual servers with their real ones, as `ipvsadm -Sn` prints them; "" where the kernel has no IPVS. */
export async function saveVirtualServers(where: Where = {}): Promise<string> {
  // Starting ipvsadm would load the module, and a look must change nothing.
  if (!existsSync('/proc/net/ip_vs')) return ''
  return await run('ipvsadm', ['-Sn'], where)
}

/** Runs lines such as "-A -t 10.96.0.1:443 -s rr". Lines after one that fails are still run; the call throws then. */
export async function restoreVirtualServers(lines: readonly string[], where: Where = {}): Promise<void> {
  // ipvsadm ends with the exit code of the last line alone.
  if (lines.length > 0) await run('ipvsadm', ['-R'], { ...where, input: `${lines.join('\n')}\n`, strict: true })
}

/** Whether a command failed because the kernel has no IPVS and could not load it. */
export function isNoIpvs(error: unknown): boolean {
  return error instanceof CommandError && error.stderr.includes('initialize ipvs')
}

/** Whether a command failed because the kernel has not the scheduler that it named. */
export function isNoScheduler(error: unknown): boolean {
  return error instanceof CommandError && error.stderr.includes('Scheduler or persistence engine not found')
}

const serverPattern = /^(TCP|UDP|SCTP|FWM) +(\S+)( IPv6)? (\w+)(?: persistent (\d+))?/
const realServerPattern = /^ {2}-> (\S+) +\w+ +(\d+) +(\d+) +(\d+)/

/** Reads what `ipvsadm -Ln` prints. */
function parseListing(listing: string): Map<string, VirtualServer> {
  const servers = new Map<string, VirtualServer>()
  let current: VirtualServer | undefined
  for (const line of listing.split('\n')) {
    const [, kind = '', address = '', ipv6 = '', scheduler = '', persistence] = serverPattern.exec(line) ?? []
    if (kind !== '') {
      current = {
        scheduler,
        ...(persistence !== undefined && { persistenceSeconds: Number(persistence) }),
        realServers: new Map(),
      }
      servers.set(`${flags[kind]} ${address}${ipv6 === '' ? '' : ' -6'}`, current)
    }
    const [, realServer, weight, active, closing] = realServerPattern.exec(line) ?? []
    if (realServer !== undefined)
      current?.realServers.set(realServer, { weight: Number(weight), connections: Number(active) + Number(closing) })
  }
  return servers
}

const flags: Record<string, string> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service', FWM: '-f' }
