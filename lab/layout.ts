// Names, paths and addresses of a lab: pure, so that `up`, `down` and a look at a half-dead lab agree without any state file.
// A lab has a name, so that a test's lab and a person's own do not meet.

import { join } from 'node:path'

export interface NodeLayout {
  name: string
  /** Named network namespace, below /run/netns. */
  netns: string
  netnsPath: string
  address: string
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
  /** First three octets of the node network, a /24. */
  subnet: string
  hostAddress: string
  /** Addresses for Services of type LoadBalancer. */
  balancerPool: string
  /** Where the nodes' default route ends: the switch itself, which forwards nothing. */
  gatewayAddress: string
  controlPlane: NodeLayout
  nodes: NodeLayout[]
}

/** Address ranges that the lab gives out inside. */
export const clusterCidr = '10.244.0.0/16'
export const serviceCidr = '10.96.0.0/16'

/** Throws when the lab's name cannot be part of the names of links and namespaces. */
export function planLab(lab: string, subnet: string, nodeCount: number): LabLayout {
  if (!/^[a-z][a-z0-9]{0,7}$/.test(lab))
    throw new Error(`lab name "${lab}": must be 1 to 8 lower-case letters or digits, starting with a letter`)
  const dataDir = `/var/lib/fairlead-${lab}`
  const runDir = `/run/fairlead-${lab}`
  const cgroup = `fairlead-${lab}`
  const node = (name: string, host: number): NodeLayout => ({
    name,
    netns: `fairlead-${lab}-${name}`,
    netnsPath: `/run/netns/fairlead-${lab}-${name}`,
    address: `${subnet}.${host}`,
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
    subnet,
    hostAddress: `${subnet}.1`,
    balancerPool: `${subnet}.200-${subnet}.239`,
    gatewayAddress: `${subnet}.254`,
    controlPlane: node('control', 10),
    nodes: Array.from({ length: nodeCount }, (_, index) => node(`node-${index + 1}`, 11 + index)),
  }
}

/** Candidates for the node network; the first that the host does not use is taken. */
const subnetCandidates = ['10.89.0', '172.31.89', '192.168.189', '10.189.0', '172.30.189']

/** The first candidate that overlaps none of the host's destinations ("10.89.0.0/24", "default", "172.17.0.1"). */
export function chooseSubnet(hostDestinations: readonly string[]): string {
  const free = subnetCandidates.find(
    (subnet) => !hostDestinations.some((destination) => overlaps(`${subnet}.0/24`, destination)),
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
