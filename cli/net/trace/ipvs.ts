// IPVS: a packet for a virtual server goes on to one of its real servers (`ipvsadm -Sn` tells both).

import { isSame } from './address.ts'
import { formatEnd, type Packet } from './packet.ts'
import type { Walk } from './walk.ts'
import type { Namespace } from './world.ts'

/** Sends the packet to a real server and says which; undefined when it is for no virtual server. */
export function chooseServer(walk: Walk, { state }: Namespace, packet: Packet): string | undefined {
  if (state.ipvs === '' || packet.protocol === 'icmp' || packet.tracked?.direction === 'reply') return undefined
  const flag = packet.protocol === 'tcp' ? '-t' : '-u'
  const lines = state.ipvs.split('\n').map((line) => line.trim().split(/\s+/))
  const isWanted = ([, type, end = '']: string[]) => type === flag && isEnd(end, packet.destination, packet.port)
  const server = lines.find((words) => words[0] === '-A' && isWanted(words))
  if (server === undefined) return undefined
  const real = lines.filter((words) => words[0] === '-a' && isWanted(words) && words[words.indexOf('-w') + 1] !== '0')
  if (real.length === 0) return undefined
  const chosen = real[walk.choose(real.length)]
  const target = chosen?.[chosen.indexOf('-r') + 1] ?? ''
  const [address, port] = splitEnd(target)
  const before = formatEnd(packet.destination, packet.port)
  packet.destination = address
  packet.port = port
  const connection = packet.tracked?.connection
  if (connection !== undefined) connection.reply = { ...connection.reply, source: address, sourcePort: port }
  return `IPVS: virtual server ${before} (${server[server.indexOf('-s') + 1]}) sends to ${target}`
}

function isEnd(text: string, address: string, port: number): boolean {
  const [own, ownPort] = splitEnd(text)
  return ownPort === port && isSame(own, address)
}

function splitEnd(text: string): [string, number] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).replaceAll(/[[\]]/g, ''), Number(text.slice(at + 1))]
}
