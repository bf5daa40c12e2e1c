// The picture of one network namespace: all that its kernel decides by. Mostly the very JSON and text of the kernel's own tools, so
// that nothing is lost on the way, and a person who knows the tools can read it.

/** Where a namespace is: a node's own, or that of a pod on it. */
export interface Place {
  node: string
  /** "namespace/name"; absent for the node's own namespace. */
  pod?: string
}

/** One link, as `ip -d -s -json address show` prints it. */
export interface LinkState {
  ifindex: number
  ifname: string
  /** The other end of a veth pair, in its own namespace. */
  link_index?: number
  flags: string[]
  mtu: number
  operstate: string
  /** Hardware address. */
  address?: string
  /** The bridge it is a port of. */
  master?: string
  link_type?: string
  linkinfo?: {
    info_kind?: string
    info_data?: { id?: number; port?: number; local?: string; learning?: boolean; group?: string }
    info_slave_data?: {
      state?: string
      hairpin?: boolean
      isolated?: boolean
      learning?: boolean
      flood?: boolean
      bcast_flood?: boolean
    }
  }
  addr_info: { family: 'inet' | 'inet6'; local: string; prefixlen: number; scope?: string; tentative?: boolean }[]
  stats64?: { rx: LinkCounters; tx: LinkCounters }
}

interface LinkCounters {
  bytes: number
  packets: number
  errors: number
  dropped: number
}

/** One entry of a bridge's or VXLAN device's forwarding table, as `bridge -json fdb show` prints it. */
interface FdbEntry {
  mac: string
  ifname: string
  master?: string
  /** Of a VXLAN device: the far end of the tunnel. */
  dst?: string
  flags: string[]
  state: string
}

/** One neighbour, as `ip -json neigh show nud all` prints it. */
interface Neighbour {
  dst: string
  dev: string
  lladdr?: string
  state: string[]
  proxy?: null
}

/** One route, as `ip -json route show table all` prints it. */
export interface RouteState {
  /** Absent: unicast. */
  type?: string
  /** An address, a range or "default". */
  dst: string
  /** Absent: main. */
  table?: string
  gateway?: string
  via?: { family: string; host: string }
  dev?: string
  prefsrc?: string
  metric?: number
  protocol?: string
  scope?: string
  flags?: string[]
  metrics?: { mtu?: number }[]
  nexthops?: { gateway?: string; dev?: string; weight?: number; flags?: string[] }[]
}

/** One rule of policy routing, as `ip -json rule show` prints it. */
export interface PolicyRule {
  priority: number
  src?: string
  srclen?: number
  dst?: string
  dstlen?: number
  not?: null
  iif?: string
  oif?: string
  fwmark?: string
  fwmask?: string
  ipproto?: string
  dport?: number
  table?: string
  action?: string
}

/** A socket that takes packets, as /proc/net/{tcp,udp}* tell it. */
interface ListeningSocket {
  protocol: 'tcp' | 'udp'
  /** "*" for all addresses of both families; "0.0.0.0" for all of IPv4. */
  address: string
  port: number
}

/** Both address families' part of the picture. */
export interface FamilyState {
  routes: RouteState[]
  rules: PolicyRule[]
  /** iptables-save -c of the nft variant; "" when it has nothing. */
  iptables: string
  /** The same of the legacy variant, which the kernel asks as well. */
  legacyIptables: string
}

/** What `wg show DEVICE dump` tells, without its private key. */
export interface WireguardState {
  publicKey: string
  listenPort: number
  peers: readonly {
    publicKey: string
    /** "192.0.2.2:51820"; "" while it is not known. */
    endpoint: string
    allowedIps: readonly string[]
  }[]
}

export interface NamespaceState {
  place: Place
  links: LinkState[]
  fdb: FdbEntry[]
  neighbours: Neighbour[]
  ipv4: FamilyState
  ipv6: FamilyState
  /** The objects of `nft -j list ruleset`; tables that iptables writes are in the text of iptables-save too. */
  nft: unknown[]
  /** `ipset save`, where rules ask for sets; else "". */
  ipsets: string
  /** `ipvsadm -Sn`; "" on kernels without it. */
  ipvs: string
  /** Devices of WireGuard by name. */
  wireguard: Record<string, WireguardState>
  conntrack: {
    count: number
    max: number
    /** Entries that were asked for, a line each, as `conntrack -L` prints them. */
    entries: string[]
  }
  /** By name below /proc/sys, such as "net/ipv4/ip_forward". */
  sysctls: Record<string, string>
  sockets: ListeningSocket[]
  /** What could not be read and why: a missing program, a kernel without the feature. */
  gaps: string[]
}
