// The DNS server's flags.

import { existsSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import type { Address } from './upstream.ts'
import { parseAddress, parseStub, readResolvConf, type Stub } from './upstreams.ts'

export interface DnsOptions {
  zone: string
  ttl: number
  host: string
  port: number
  statusPort: number
  upstream: Address[]
  stub: Stub[]
  resolvConf: string
  ownService: string
  kubeconfig: string | undefined
  /** Seconds. */
  lameduck: number
}

/** Reads the command line; ends the process with a message when it is wrong. */
export function readOptions(argv: readonly string[] = process.argv): DnsOptions {
  return makeProgram().parse(argv).opts<DnsOptions>()
}

function makeProgram(): Command {
  return new Command('fairlead dns')
    .description("Answers DNS questions about the cluster's Services and pods from memory, and forwards all others.")
    .option('--zone <name>', 'zone of the cluster', toZone, 'cluster.local')
    .option('--ttl <seconds>', 'how long clients may keep answers about the cluster', toNumber(0, 3_600), 5)
    .option('--host <address>', 'address to listen on; :: takes both families', anyAddress())
    .option('--port <port>', 'UDP and TCP port', toNumber(1, 65_535), 5353)
    .option('--status-port <port>', 'port of /health, /ready and /metrics', toNumber(1, 65_535), 9153)
    .option('--upstream <address>', 'server for names outside the cluster; may be repeated', collect(parseAddress), [])
    .option('--resolv-conf <file>', 'whose servers are asked when there is no --upstream', '/etc/resolv.conf')
    .option('--stub <zone=address,...>', 'servers for one zone; may be repeated', collect(parseStub), [])
    .option('--own-service <namespace/name>', 'the Service that leads here', 'kube-system/kube-dns')
    .option('--kubeconfig <file>', 'how to reach the API server; else as a pod, by its service account')
    .option('--lameduck <seconds>', 'answers so long after SIGTERM, while clients turn elsewhere', toNumber(0, 60), 5)
    .addHelpText(
      'after',
      `
Examples:
  fairlead dns --upstream 192.0.2.53 --stub corp.example=192.0.2.60,192.0.2.61
  fairlead dns --kubeconfig admin.kubeconfig --host 127.0.0.1 --port 5300
  dig -p 5300 @127.0.0.1 kubernetes.default.svc.cluster.local`,
    )
}

/** Listens to both families; to IPv4 alone on a kernel that was started without IPv6, where nothing can listen on ::. */
export function anyAddress(ipv6Path = '/proc/net/if_inet6'): string {
  return existsSync(ipv6Path) ? '::' : '0.0.0.0'
}

/** The servers for names of no stub. */
export function upstreamsOf({ upstream, resolvConf }: DnsOptions): Address[] {
  return upstream.length > 0 ? upstream : readResolvConf(resolvConf)
}

function toZone(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text))
    throw new InvalidArgumentError('must be a lower-case DNS name such as cluster.local')
  return text
}

function toNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}`)
    return value
  }
}

function collect<T>(parse: (text: string) => T) {
  return (text: string, before: T[]): T[] => {
    try {
      return [...before, parse(text)]
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
    }
  }
}
