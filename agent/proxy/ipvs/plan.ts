// What one Service port wants of the kernel in IPVS mode: addresses, virtual servers and elements of sets. Pure.

import { canonicalAddress, canonicalRange, familyOf } from '../../../api/objects/addresses.ts'
import { allEndpoints, type Endpoint, externalEndpoints, internalEndpoints, type ServicePort } from '../table.ts'
import { markMask } from './marks.ts'
import { type SetKind, setName } from './sets.ts'

/** A virtual server as it should be. */
export interface WantedServer {
  /** As `ipvsadm -A` takes it: "-s rr -p 10800". */
  options: string
  /** "10.244.1.2:8080" or "[fd00::2]:8080", each with weight 1. */
  realServers: readonly string[]
  /** Whether a connection outlives its endpoint's place in the Service; datagrams must find another endpoint at once. */
  drains: boolean
  /** "default/web:http". */
  owner: string
}

export interface Plan {
  /** For kube-ipvs0, with prefix length. */
  addresses: Set<string>
  /** By the words that name them to ipvsadm: "-t 10.96.0.1:443". */
  servers: Map<string, WantedServer>
  /** "KUBE-CLUSTER-IP 10.96.0.1,tcp:443" -> what follows it: its comment, its mark. */
  elements: Map<string, string>
}

export interface PlanOptions {
  scheduler: string
  /** This node's own addresses, where node ports answer. */
  nodeAddresses: readonly string[]
  /** The firewall mark of a Service port, of its own as long as it is served. */
  markOf(id: string): number
}

const serviceFlags = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const

/** All that the ports of one Service want on this node. */
export function planService(ports: readonly ServicePort[], options: PlanOptions): Plan {
  const plan: Plan = { addresses: new Set(), servers: new Map(), elements: new Map() }
  for (const port of ports) new PortPlanner(plan, withKernelAddresses(port), options).plan()
  return plan
}

class PortPlanner {
  readonly #plan: Plan
  readonly #port: ServicePort
  readonly #options: PlanOptions

  constructor(plan: Plan, port: ServicePort, options: PlanOptions) {
    this.#plan = plan
    this.#port = port
    this.#options = options
  }

  plan(): void {
    const { clusterIp, externalIps, loadBalancerIps, externalPolicy } = this.#port
    this.#open('CLUSTER-IP', clusterIp, internalEndpoints(this.#port))
    for (const ip of externalIps)
      this.#open(externalPolicy === 'Local' ? 'EXTERNAL-IP-LOCAL' : 'EXTERNAL-IP', ip, externalEndpoints(this.#port))
    for (const ip of loadBalancerIps) this.#planLoadBalancer(ip)
    this.#planNodePort()
    this.#planInternal()
    for (const { ip, port, local } of allEndpoints(this.#port))
      if (local) this.#add('LOOP-BACK', `${ip},${this.#port.protocol}:${port},${ip}`)
  }

  #planLoadBalancer(ip: string): void {
    const { externalPolicy, sourceRanges } = this.#port
    this.#open('LOAD-BALANCER', ip, externalEndpoints(this.#port))
    if (externalPolicy === 'Local') this.#add('LOAD-BALANCER-LOCAL', this.#element(ip))
    if (sourceRanges.length === 0) return
    this.#add('LOAD-BALANCER-FW', this.#element(ip))
    for (const range of sourceRanges) this.#add('LOAD-BALANCER-SOURCE-CIDR', `${this.#element(ip)},${range}`)
  }

  #planNodePort(): void {
    const { nodePort, protocol, externalPolicy } = this.#port
    if (nodePort === undefined) return
    const addresses = this.#nodeAddresses()
    const kinds: SetKind[] = [nodePortSets.all[protocol]]
    if (externalPolicy === 'Local') kinds.push(nodePortSets.local[protocol])
    for (const kind of kinds) {
      if (protocol !== 'sctp') this.#add(kind, String(nodePort))
      else for (const ip of addresses) this.#add(kind, `${ip},sctp:${nodePort}`)
    }
    for (const ip of addresses) this.#serve(ip, nodePort, externalEndpoints(this.#port))
  }

  /**
   * Under the policy Local the cluster's own clients reach all endpoints by the external doors too. One address and port can
   * have but one virtual server, so their packets get a mark, and the mark has a virtual server of its own.
   */
  #planInternal(): void {
    const { externalPolicy, externalIps, loadBalancerIps, nodePort, port, family, id, cluster } = this.#port
    const doors = [...externalIps, ...loadBalancerIps].map((ip) => [ip, port] as const)
    if (nodePort !== undefined) doors.push(...this.#nodeAddresses().map((ip) => [ip, nodePort] as const))
    if (externalPolicy !== 'Local' || cluster.length === 0 || doors.length === 0) return
    const mark = this.#options.markOf(id)
    this.#setServer(`-f ${mark}${family === 'ipv6' ? ' -6' : ''}`, cluster)
    for (const [ip, doorPort] of doors) {
      const element = `${ip},${this.#port.protocol}:${doorPort}`
      this.#add('IPVS-INTERNAL', element, ` skbmark 0x${mark.toString(16)}/${markMask}`)
    }
  }

  #nodeAddresses(): string[] {
    return this.#options.nodeAddresses.filter((ip) => familyOf(ip) === this.#port.family)
  }

  /** Serves an address of the Service, lets packets to the port in, and nothing else. */
  #open(kind: SetKind, ip: string, endpoints: readonly Endpoint[]): void {
    // An address that the node has anyway keeps its other ports.
    if (!this.#options.nodeAddresses.includes(ip)) {
      this.#plan.addresses.add(`${ip}/${this.#port.family === 'ipv6' ? 128 : 32}`)
      this.#plan.elements.set(`${setName(this.#port.family, 'IPVS-IPS')} ${ip}`, '')
    }
    this.#add(kind, this.#element(ip))
    this.#serve(ip, this.#port.port, endpoints)
  }

  /** A door that leads nowhere on this node is dropped when it leads somewhere on another; IPVS itself refuses. */
  #serve(ip: string, port: number, endpoints: readonly Endpoint[]): void {
    if (endpoints.length === 0 && this.#port.cluster.length > 0)
      this.#add('IPVS-DROP', `${ip},${this.#port.protocol}:${port}`)
    this.#setServer(`${serviceFlags[this.#port.protocol]} ${toSocket(ip, port)}`, endpoints)
  }

  #setServer(key: string, endpoints: readonly Endpoint[]): void {
    const { id, protocol } = this.#port
    this.#plan.servers.set(key, {
      options: this.#serverOptions(key.startsWith('-f ')),
      realServers: endpoints.map((endpoint) => toSocket(endpoint.ip, endpoint.port)),
      drains: protocol !== 'udp',
      owner: id,
    })
  }

  /**
   * A persistent virtual server of a mark leaves the packet's port as it is (ip_vs_sched_persist), which is the Service's and
   * not the endpoint's. There a client's address decides: it stays with its endpoint as long as the endpoints are the same.
   */
  #serverOptions(isMark: boolean): string {
    const { affinitySeconds } = this.#port
    if (affinitySeconds === undefined) return `-s ${this.#options.scheduler}`
    return isMark ? '-s sh' : `-s ${this.#options.scheduler} -p ${affinitySeconds}`
  }

  #element(ip: string): string {
    return `${ip},${this.#port.protocol}:${this.#port.port}`
  }

  #add(kind: SetKind, element: string, more = ''): void {
    this.#plan.elements.set(`${setName(this.#port.family, kind)} ${element}`, `comment "${this.#port.id}"${more}`)
  }
}

const nodePortSets = {
  all: { tcp: 'NODE-PORT-TCP', udp: 'NODE-PORT-UDP', sctp: 'NODE-PORT-SCTP-HASH' },
  local: { tcp: 'NODE-PORT-LOCAL-TCP', udp: 'NODE-PORT-LOCAL-UDP', sctp: 'NODE-PORT-LOCAL-SCTP-HASH' },
} as const

function toSocket(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** With addresses as the kernel's tools print them, so that what is there can be compared with what is wanted. */
function withKernelAddresses(port: ServicePort): ServicePort {
  const toKernel = (endpoint: Endpoint) => ({ ...endpoint, ip: canonicalAddress(endpoint.ip) })
  const sourceRanges = port.sourceRanges.map(toRange)
  if (port.family === 'ipv4') return { ...port, sourceRanges }
  return {
    ...port,
    sourceRanges,
    clusterIp: canonicalAddress(port.clusterIp),
    externalIps: port.externalIps.map(canonicalAddress),
    loadBalancerIps: port.loadBalancerIps.map(canonicalAddress),
    cluster: port.cluster.map(toKernel),
    local: port.local.map(toKernel),
  }
}

/** As ipset prints it: a range of one address is the address. */
function toRange(range: string): string {
  const canonical = canonicalRange(range)
  const [address = '', length] = canonical.split('/')
  return length === (address.includes(':') ? '128' : '32') ? address : canonical
}
