// Names, paths and addresses of a lab: pure, so that `up`, `down` and a look at a half-dead lab agree without any state file.
// A lab has a name, so that a test's lab and a person's own do not meet.

import { join } from 'node:path'
import ipaddr from 'ipaddr.js'

export interface NodeLayout {
  name: string
  /** Named network namespace, below /run/netns. */
  netns: string
  netnsPath: string
  address: string
  address6: string
  /** The switch that it is plugged into: an index of the lab's subnets. */
  subnet: number
  /** Survives `stop` and `start` of the node; goes with `down`. */
  dataDir: string
  /** Sockets and pid files. */
  runDir: string
  /** Below every cgroup hierarchy's root; every process of the node is in it or below it. */
  cgroup: string
}

export interface LabLayout {
  lab: string
  dataDir: string
  runDir: string
  /** All cgroups of the lab are below this one. */
  cgroup: string
  switchNetns: string
  /** The host's link to the switch. */
  hostLink: string
  /** The node networks, each a switch: one, or two with a router between them, which knows nothing of pods. */
  subnets: Subnet[]
  hostAddress: string
  hostAddress6: string
  /** Addresses for Services of type LoadBalancer. */
  balancerPool: string
  controlPlane: NodeLayout
  nodes: NodeLayout[]
}

/** A node network; node N has the address N-th from ten in both families. */
interface Subnet {
  /** The bridge that is its switch. */
  bridge: string
  /** Where the nodes' default routes end: the switch's own addresses. */
  gateway: string
  gateway6: string
}

/** Address ranges that the lab gives out inside, one a family. */
export const clusterCidr = '10.244.0.0/16,fd00:10:244::/56'
export const serviceCidr = '10.96.0.0/16,fd00:10:96::/112'
/** The Service kube-dns, as addons/dns/dns.yaml has it. */
export const clusterDns = '10.96.0.10'

/** Throws when the lab's name cannot be part of the names of links and namespaces. */
export function planLab(lab: string, subnet: string, nodeCount: number, network = 'host-gw'): LabLayout {
  if (!/^[a-z][a-z0-9]{0,7}$/.test(lab))
    throw new Error(`lab name "${lab}": must be 1 to 8 lower-case letters or digits, starting with a letter`)
  const dataDir = `/var/lib/fairlead-${lab}`
  const runDir = `/run/fairlead-${lab}`
  const cgroup = `fairlead-${lab}`
  // Tunnels are for nodes behind a router: odd nodes are on one subnet, even ones on another.
  const octets = network === 'vxlan' ? [subnet, nextSubnet(subnet)] : [subnet]
  const node = (name: string, host: number, index = 0): NodeLayout => ({
    name,
    netns: `fairlead-${lab}-${name}`,
    netnsPath: `/run/netns/fairlead-${lab}-${name}`,
    address: `${octets[index]}.${host}`,
    address6: toIpv6(octets[index] ?? '', host),
    subnet: index,
    dataDir: join(dataDir, name),
    runDir: join(runDir, name),
    cgroup: join(cgroup, name),
  })
  return {
    lab,
    dataDir,
    runDir,
    cgroup,
    switchNetns: `fairlead-${lab}-switch`,
    hostLink: `fl-${lab}`,
    subnets: octets.map((each, index) => ({
      bridge: `switch${index}`,
      gateway: `${each}.254`,
      gateway6: toIpv6(each, 254),
    })),
    hostAddress: `${subnet}.1`,
    hostAddress6: toIpv6(subnet, 1),
    balancerPool: `${subnet}.200-${subnet}.239`,
    controlPlane: node('control', 10),
    nodes: Array.from({ length: nodeCount }, (_, index) =>
      node(`node-${index + 1}`, 11 + index, index % octets.length),
    ),
  }
}

/** The same digits in a unique local range: 10.89.0.11 has fd00:10:89::11 beside it. */
function toIpv6(subnet: string, host: number): string {
  return ipaddr.parse(`fd00:${subnet.replaceAll('.', ':')}::${host}`).toString()
}

/** The /24 behind this one. */
function nextSubnet(subnet: string): string {
  const [a, b, c] = subnet.split('.')
  return `${a}.${b}.${Number(c) + 1}`
}

/** Candidates for the node network; the first that the host does not use, nor the one behind it, is taken. */
const subnetCandidates = [
  '10.89.0',
  '172.31.89',
  '192.168.189',
  '10.189.0',
  '172.30.189',
  '10.88.89',
  '10.87.89',
  '172.29.89',
  '192.168.87',
]

/** The first candidate that overlaps none of the host's destinations ("10.89.0.0/24", "default", "172.17.0.1"). */
export function chooseSubnet(hostDestinations: readonly string[]): string {
  const free = subnetCandidates.find(
    (subnet) =>
      !hostDestinations.some((destination) =>
        [subnet, nextSubnet(subnet)].some((each) => overlaps(`${each}.0/24`, destination)),
      ),
  )
  if (free === undefined)
    throw new Error(`every candidate for the node network (${subnetCandidates.join(', ')}) is in use on this host`)
  return free
}

function overlaps(left: string, right: string): boolean {
  const [a, b] = [toRange(left), toRange(right)]
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last
}

function toRange(cidr: string): { first: number; last: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr)
  if (match === null) return undefined
  const [a = 0, b = 0, c = 0, d = 0, bits = 32] = match.slice(1).map((part) => (part === undefined ? 32 : Number(part)))
  const size = 2 ** (32 - bits)
  const address = ((a * 256 + b) * 256 + c) * 256 + d
  const first = address - (address % size)
  return { first, last: first + size - 1 }
}
