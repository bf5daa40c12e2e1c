// The table `inet fairlead-<bridge>` of host ports: its text as nft reads it, and what `nft -j list table` says of it. Pure.

/** An element of one of the maps; or of the sets self4 and self6, of pods that may reach themselves, with an empty target. */
export interface HostPort {
  map: string
  key: string
  /** The pod's address and port. */
  target: string
  comment: string
}

/** Name of the table of a bridge, as after "nft list table". */
export function hostPortTable(bridge: string): string {
  return `inet fairlead-${bridge}`
}

/** The line that adds a port. */
export function formatElement(bridge: string, { map, key, target, comment }: HostPort): string {
  const words = comment.replaceAll('"', '').slice(0, 120)
  return `add element ${hostPortTable(bridge)} ${map} { ${key} comment "${words}"${target === '' ? '' : ` : ${target}`} }`
}

/** The table with its rules, and no element changed. Not `typeof`: nft 1.0.6 takes no such definition of a map that is there already. */
export function formatTable(bridge: string): string {
  const table = hostPortTable(bridge)
  const chains = ['prerouting', 'output', 'postrouting', 'guard', 'ports'].map(
    (chain) => `flush chain ${table} ${chain}`,
  )
  return `
table ${table} {
  map any4 {
    type inet_proto . inet_service : ipv4_addr . inet_service
  }
  map one4 {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
  }
  map any6 {
    type inet_proto . inet_service : ipv6_addr . inet_service
  }
  map one6 {
    type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service
  }
  set self4 {
    type ipv4_addr . ipv4_addr
  }
  set self6 {
    type ipv6_addr . ipv6_addr
  }
  chain ports {
  }
  chain prerouting {
    type nat hook prerouting priority -101
    policy accept
  }
  chain output {
    type nat hook output priority -101
    policy accept
  }
  chain postrouting {
    type nat hook postrouting priority 99
    policy accept
  }
  chain guard {
    type filter hook prerouting priority -300
    policy accept
  }
}
${chains.join('\n')}
table ${table} {
  chain ports {
    dnat ip to ip daddr . meta l4proto . th dport map @one4
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @one6
    dnat ip6 to meta l4proto . th dport map @any6
  }
  chain prerouting {
    fib daddr type local goto ports
  }
  chain output {
    fib daddr type local goto ports
  }
  chain postrouting {
    ip saddr . ip daddr @self4 masquerade
    ip6 saddr . ip6 daddr @self6 masquerade
    oifname "${bridge}" ip saddr 127.0.0.0/8 masquerade
  }
  chain guard {
    iifname "${bridge}" ip daddr 127.0.0.0/8 counter drop comment "only replies may come in for the loopback"
  }
}`
}

/** Rules of formatTable. */
const ruleCount = 10

/** The ports in the table; undefined when it, or one of its rules, is not there. */
export function parseHostPorts(objects: readonly unknown[]): HostPort[] | undefined {
  const rules = objects.filter((object) => isObject(object) && 'rule' in object)
  return rules.length === ruleCount ? objects.flatMap(portsOf) : undefined
}

function portsOf(object: unknown): HostPort[] {
  if (!isObject(object)) return []
  const holder = object.map ?? object.set
  if (!isObject(holder) || !Array.isArray(holder.elem)) return []
  return holder.elem.map((element: unknown) => {
    const [left, right]: unknown[] = Array.isArray(element) ? element : [element]
    const inner = isObject(left) && isObject(left.elem) ? left.elem : { val: left }
    const target = right === undefined ? '' : joined(right)
    return { map: String(holder.name), key: joined(inner.val), target, comment: String(inner.comment ?? '') }
  })
}

function joined(value: unknown): string {
  return isObject(value) && Array.isArray(value.concat) ? value.concat.join(' . ') : String(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
