// IPVS: a packet for a virtual server goes on to one of its real servers (`ipvsadm -Sn` tells both).

import { isSame } from './address.ts'
import type { Packet } from './packet.ts'
import type { Walk } from './walk.ts'
import type { Namespace } from './world.ts'

/** Sends the packet to a real server and says which, or why there is none; undefined when it is for no virtual server. */
export function chooseServer(
  walk: Walk,
  { state }: Namespace,
  packet: Packet,
): { text: string; isRefused: boolean } | undefined {
  if (state.ipvs === '' || packet.protocol === 'icmp' || packet.tracked?.direction === 'reply') return undefined
  const lines = state.ipvs.split('\n').map((line) => line.trim().split(/\s+/))
  const server = findServer(lines, packet)
  if (server === undefined) return undefined
  const [, type, end] = server.words
  const isOurs = (words: string[]) => words[1] === type && words[2] === end && words.includes('-6') === server.isMarkOf6
  const real = lines.filter((words) => words[0] === '-a' && isOurs(words) && words[words.indexOf('-w') + 1] !== '0')
  const name = `virtual server ${type === '-f' ? `of mark ${end}` : end}`
  if (real.length === 0) return { text: `IPVS: ${name} has no real server: the packet is refused`, isRefused: true }
  const chosen = real[walk.choose(real.length)]
  const target = chosen?.[chosen.indexOf('-r') + 1] ?? ''
  const [address, port] = splitEnd(target)
  packet.destination = address
  packet.port = port
  const connection = packet.tracked?.connection
  if (connection !== undefined) connection.reply = { ...connection.reply, source: address, sourcePort: port }
  const scheduler = server.words[server.words.indexOf('-s') + 1]
  return { text: `IPVS: ${name} (${scheduler}) sends to ${target}`, isRefused: false }
}

/** A mark decides before the address does (ip_vs_service_find). */
function findServer(lines: readonly string[][], { protocol, destination, port, mark, family }: Packet) {
  const servers = lines.filter(([verb]) => verb === '-A')
  const ofMark = servers.find(
    (words) =>
      words[1] === '-f' && mark !== 0 && Number(words[2]) === mark && words.includes('-6') === (family === 'ipv6'),
  )
  if (ofMark !== undefined) return { words: ofMark, isMarkOf6: ofMark.includes('-6') }
  const flag = protocol === 'tcp' ? '-t' : '-u'
  const words = servers.find(([, type, end = '']) => type === flag && isEnd(end, destination, port))
  return words === undefined ? undefined : { words, isMarkOf6: false }
}

function isEnd(text: string, address: string, port: number): boolean {
  const [own, ownPort] = splitEnd(text)
  return ownPort === port && isSame(own, address)
}

function splitEnd(text: string): [string, number] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).replaceAll(/[[\]]/g, ''), Number(text.slice(at + 1))]
}
