// The text of faults for nftables. Each has two chains of its own, a gate, and a comment in every rule that names it. The gate is
// a set whose elements expire: from then on no rule matches, even if nobody is left to remove them.
//
// A packet is harmed on the node it is for, once: by `input` when it ends there, by `postrouting` when it goes on to a pod.

import { describeFault, type FaultFlow, type FaultRequest } from '../../api/net/fault.ts'
import { vxlanPort } from '../network/vtep.ts'
import { wireguardPort } from '../network/wireguard.ts'

/** Holds everything of ours. */
export const faultTable = 'inet fairlead-fault'

/** Class of the queueing discipline that delays, as tc names it: a fourth band, behind those that priorities can choose. */
export const delayHandle = 'fa17:'
const delayClass = `${delayHandle}4`

const hooks = ['input', 'postrouting'] as const
/** Outer packets of a tunnel go untouched: what is in them is harmed, and only once. */
const tunnelPorts = [vxlanPort, wireguardPort].join(', ')
/** An offloaded packet has up to 64 KiB in one; a smaller burst would never let it pass. */
const smallestBurst = 131_072

/** Begins a fault. One transaction. */
export function planFault(request: FaultRequest): string {
  const { id, kind, flows, durationMs } = request
  const gate = `on-${id}`
  const timeout = `timeout ${Math.ceil(durationMs)}ms`
  const lines = [
    `add table ${faultTable}`,
    addGate(id),
    `add element ${faultTable} ${gate} { ipv4 ${timeout}, ipv6 ${timeout} }`,
    ...(kind === 'rate' ? flows.map((_, index) => planLimit(request, index)) : []),
  ]
  for (const hook of hooks) {
    const chain = `${id}-${hook}`
    lines.push(
      `add chain ${faultTable} ${chain} { type filter hook ${hook} priority -5; policy accept; }`,
      `add rule ${faultTable} ${chain} udp dport { ${tunnelPorts} } accept`,
      ...flows.flatMap((flow, index) =>
        planFlow(request, flow, index).map((rule) => `add rule ${faultTable} ${chain} meta nfproto @${gate} ${rule}`),
      ),
    )
  }
  return `${lines.join('\n')}\n`
}

/** Ends a fault that planFault began. What somebody else has removed is added before it is deleted: nft refuses to delete nothing. */
export function planHeal(request: FaultRequest): string {
  const { id, kind, flows } = request
  const lines = [
    `add table ${faultTable}`,
    ...hooks.flatMap((hook) => addThenDelete(`chain ${faultTable} ${id}-${hook}`)),
    ...(kind === 'rate'
      ? flows.flatMap((_, index) => [planLimit(request, index), `delete limit ${faultTable} ${id}-${index}`])
      : []),
    addGate(id),
    `delete set ${faultTable} on-${id}`,
  ]
  return `${lines.join('\n')}\n`
}

/** Ends all faults, also when there is no table. */
export function planHealAll(): string {
  return `${addThenDelete(`table ${faultTable}`).join('\n')}\n`
}

function addThenDelete(what: string): string[] {
  return [`add ${what}`, `delete ${what}`]
}

function addGate(id: string): string {
  return `add set ${faultTable} on-${id} { type nf_proto; flags timeout; ${comment(`fault ${id}`)}; }`
}

/** Both hooks share it. */
function planLimit({ id, bitsPerSecond = 0 }: FaultRequest, index: number): string {
  const bytes = Math.max(1, Math.round(bitsPerSecond / 8))
  const burst = Math.max(smallestBurst, Math.round(bytes / 10))
  return `add limit ${faultTable} ${id}-${index} { rate over ${bytes} bytes/second burst ${burst} bytes; }`
}

function planFlow(request: FaultRequest, { from, to, title }: FaultFlow, index: number): string[] {
  const text = comment(`fault ${request.id} ${describeFault(request)}: ${title}`)
  return (['ip', 'ip6'] as const).flatMap((header) => {
    const [sources, destinations] = [from, to].map((list) =>
      list.filter((address) => address.includes(':') === (header === 'ip6')),
    )
    if (!sources?.length || !destinations?.length) return []
    const what = `${header} saddr { ${sources.join(', ')} } ${header} daddr { ${destinations.join(', ')} }`
    return [`${what} ${planHarm(request, index)} ${text}`]
  })
}

function planHarm({ id, kind, percent = 100 }: FaultRequest, index: number): string {
  // nft refuses a comparison that is always true.
  if (kind === 'drop' && percent < 100)
    return `numgen random mod 10000 < ${Math.min(9_999, Math.round(percent * 100))} counter drop`
  if (kind === 'rate') return `limit name "${id}-${index}" counter drop`
  return kind === 'delay' ? `counter meta priority set ${delayClass}` : 'counter drop'
}

/** The kernel keeps 127 bytes. */
function comment(text: string): string {
  return `comment "${text.slice(0, 127)}"`
}
