// The table of the source check as nft reads it: sets of ports and of what each may send from, and the rules that look in them.

/** Name of the table of a bridge, without its family. */
export const tableName = (bridge: string) => `fairlead-${bridge}`

/** The same as after "nft list table". */
export function sourceTable(bridge: string): string {
  return `bridge ${tableName(bridge)}`
}

/** Rules of rulesText: an answer of nft with fewer is of a table that somebody changed. */
export const ruleCount = 10

/**
 * Makes the table with its sets, and writes its rules anew; elements stay. What has a VLAN tag passes no rule of IP
 * (net.bridge.bridge-nf-filter-vlan-tagged), and so no network policy; but who gets it takes the tag of VLAN 0 off.
 */
export function rulesText(bridge: string): string {
  const table = sourceTable(bridge)
  return `
table ${table} {
  set ports {
    type ifname
  }
  set ipv4 {
    typeof iifname . ip saddr
  }
  set ipv6 {
    typeof iifname . ip6 saddr
  }
  set targets {
    typeof iifname . @nh,384,128
  }
  chain prerouting {
    type filter hook prerouting priority -300
    policy accept
  }
  chain source {
  }
}
flush chain ${table} prerouting
flush chain ${table} source
table ${table} {
  chain prerouting {
    iifname @ports jump source
  }
  chain source {
    ether type { 8021q, 8021ad } counter drop comment "VLAN tag"
    ip daddr 127.0.0.0/8 counter drop comment "loopback of the node"
    iifname . ip saddr @ipv4 accept
    iifname . arp saddr ip @ipv4 accept
    icmpv6 type nd-router-advert counter drop comment "only the node is a router"
    icmpv6 type nd-neighbor-advert @nh,384,16 != 0xfe80 iifname . @nh,384,128 != @targets counter drop comment "neighbour that is not this pod"
    iifname . ip6 saddr @ipv6 accept
    ip6 saddr { ::, fe80::/10 } ip6 daddr { fe80::/10, ff02::/16 } accept
    counter drop comment "source address that is not this pod's"
  }
}`
}
