// Counts marked packets at every hook of netfilter of one namespace: a table of nftables that stands beside all others, first and
// last at each hook, and decides nothing. It lives for the second that a trace takes.

import type { SeenAt, WatchRequest } from '../../api/net/probe.ts'
import type { Place } from '../../api/net/state.ts'
import type { Flow, HookName, TraceProtocol } from '../../api/net/trace.ts'
import type { RunOptions } from '../../cni/linux/exec.ts'
import { listTable, runNft } from '../../cni/linux/nft.ts'

/** All tables of watches begin so; pictures leave them out. */
export const watchPrefix = 'fairlead-trace-'

type Where = Pick<RunOptions, 'netns'>

const hooks: readonly HookName[] = ['prerouting', 'input', 'forward', 'output', 'postrouting']
/** Before and behind all that others write. */
const ends = { entered: -2_000_000_000, left: 2_000_000_000 } as const

/** What tells the first packet of a flow, as cni/linux/sender.ts sends it, from most others: of IPv4 and of IPv6. */
const firstPackets: Record<TraceProtocol, [ip: string, ip6: string]> = {
  tcp: ['tcp flags & (fin | syn | rst | ack) == syn', 'tcp flags & (fin | syn | rst | ack) == syn'],
  udp: ['udp length 9', 'udp length 9'],
  icmp: ['icmp type echo-request', 'icmpv6 type echo-request'],
}

/** Begins to count; with `begin`, packets of that flow get the mark here. */
export async function startWatch(
  { id, mark, protocol, begin }: Pick<WatchRequest, 'id' | 'mark' | 'protocol' | 'begin'>,
  where: Where,
): Promise<void> {
  const [first, first6] = protocol === undefined ? ['', ''] : firstPackets[protocol]
  const chains = hooks.flatMap((hook) =>
    Object.entries(ends).map(([end, priority]) => {
      const marking = begin?.hook === hook && end === 'entered' ? markRules(begin.flow, mark) : []
      const rules = [...marking, `ip id ${mark} ${first} counter`, `ip6 flowlabel ${mark} ${first6} counter`]
      return `chain ${hook}-${end} {\ntype filter hook ${hook} priority ${priority}; policy accept;\n${rules.join('\n')}\n}`
    }),
  )
  await runNft(`table inet ${watchPrefix}${id} {\n${chains.join('\n')}\n}\n`, where)
}

/** Both are part of the header and leave the packet as good as it was. */
function markRules({ protocol, source, destination, port, sourcePort }: Flow, mark: number): string[] {
  const [ip, field] = destination.includes(':') ? ['ip6', 'flowlabel'] : ['ip', 'id']
  const from = source === undefined ? '' : `${ip} saddr ${source} `
  const isEcho = protocol === 'icmp'
  const transport = isEcho
    ? `meta l4proto ${ip === 'ip' ? 'icmp' : 'icmpv6'}`
    : `${protocol} sport ${sourcePort} ${protocol} dport ${port}`
  return [`${from}${ip} daddr ${destination} ${transport} ${ip} ${field} set ${mark}`]
}

/** What was counted; nothing is known of a pod that has gone. */
export async function readWatch(id: string, place: Place, where: Where): Promise<SeenAt[]> {
  const objects = (await listTable(`inet ${watchPrefix}${id}`, where)) as { rule?: CounterRule }[]
  if (objects.length === 0 && place.pod !== undefined) return []
  const counts = new Map<string, number>()
  for (const { rule } of objects) {
    if (rule === undefined) continue
    const packets = rule.expr.find(({ counter }) => counter !== undefined)?.counter?.packets ?? 0
    counts.set(rule.chain, (counts.get(rule.chain) ?? 0) + packets)
  }
  return hooks.map((hook) => ({
    place,
    hook,
    entered: counts.get(`${hook}-entered`) ?? 0,
    left: counts.get(`${hook}-left`) ?? 0,
  }))
}

interface CounterRule {
  chain: string
  expr: { counter?: { packets: number } }[]
}

/** Nothing of the watch stays; that it is gone already is no error. */
export async function endWatch(id: string, where: Where): Promise<void> {
  // An added table is there to be deleted, whether it was before or not.
  const table = `table inet ${watchPrefix}${id}`
  await runNft(`add ${table}\ndelete ${table}\n`, where)
}
