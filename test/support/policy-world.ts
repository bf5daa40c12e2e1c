// Two nodes with bridges, pods of both families on them with a prober each, and the policies part of the agent for both
// nodes: what the kernel tests of network policies play in.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NftablesBackend } from '../../agent/policy/nftables/nftables-backend.ts'
import { toPolicyPod } from '../../agent/policy/pod.ts'
import { PolicyTable } from '../../agent/policy/table.ts'
import type { ContainerPort, NetworkPolicy, Pod } from '../../api/generated/types.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import { networkPolicies } from '../../api/resources/network-policies.ts'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from './namespaces.ts'
import type { Probe } from './prober.ts'

export interface WorldPod {
  namespace: string
  name: string
  labels: Record<string, string>
  /** Index of its node, from 1. */
  node: number
  ipv4: string
  ipv6: string
  ports: ContainerPort[]
}

export interface WorldNode {
  name: string
  host: Host
  backend: NftablesBackend
  table: PolicyTable
  /** Policies that the table was told of. */
  told: Set<string>
}

const proberPath = fileURLToPath(new URL('prober.ts', import.meta.url))

export class PolicyWorld {
  readonly net: TestNetwork
  readonly nodes: WorldNode[] = []
  readonly pods = new Map<string, WorldPod>()
  readonly namespaces = new Map<string, Record<string, string>>()
  readonly policies = new Map<string, Stored<NetworkPolicy>>()
  readonly #hosts = new Map<string, Host>()
  readonly #probers = new Map<string, Prober>()

  private constructor(net: TestNetwork) {
    this.net = net
  }

  /** Two nodes, joined by a cable, without pods. */
  static async create(topic: string): Promise<PolicyWorld> {
    const world = new PolicyWorld(await TestNetwork.create(topic))
    for (const index of [1, 2]) await world.#addNode(index)
    const [one, two] = world.nodes
    if (one === undefined || two === undefined) throw new Error('there are two nodes')
    await world.net.connect(one.host, 'eth0', '192.0.2.1/24', two.host, 'eth0', '192.0.2.2/24')
    for (const [index, { host }] of world.nodes.entries()) {
      const [own, other] = [index + 1, 2 - index]
      await run('ip', ['-batch', '-'], {
        ...host,
        input: `addr add fd00:192::${own}/64 dev eth0 nodad\nroute add 10.244.${other}.0/24 via 192.0.2.${other}\nroute add fd00:244:${other}::/64 via fd00:192::${other}\n`,
      })
    }
    return world
  }

  async #addNode(index: number): Promise<void> {
    const host = await this.net.addHost(`n${index}`)
    await run('ip', ['-batch', '-'], {
      ...host,
      input: `link add cbr0 type bridge\nlink set cbr0 up\naddr add 10.244.${index}.1/24 dev cbr0\naddr add fd00:244:${index}::1/64 dev cbr0 nodad\n`,
    })
    const settings = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']
    const bridged = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables']
    await run('sysctl', ['-qw', ...[...settings, ...bridged].map((name) => `${name}=1`)], host)
    const name = `node-${index}`
    this.nodes.push({ name, host, backend: new NftablesBackend(host), table: new PolicyTable(), told: new Set() })
  }

  /** Wires the pod and starts its prober, which answers on these ports. */
  async addPod(pod: WorldPod, ports: number[]): Promise<void> {
    const host = await this.net.addHost(`${pod.namespace}-${pod.name}`)
    const node = this.hostOf(pod)
    const link = `to-${pod.namespace}-${pod.name}`
    await run('ip', ['-batch', '-'], {
      ...node,
      input: `link add ${link} type veth peer name eth0 netns ${host.name}\nlink set ${link} master cbr0 up\nlink set ${link} type bridge_slave hairpin on\n`,
    })
    await run('ip', ['-batch', '-'], {
      ...host,
      input: `addr add ${pod.ipv4}/24 dev eth0\naddr add ${pod.ipv6}/64 dev eth0 nodad\nlink set eth0 up\nroute add default via 10.244.${pod.node}.1\nroute add default via fd00:244:${pod.node}::1\n`,
    })
    this.#hosts.set(toKey(pod), host)
    this.pods.set(toKey(pod), pod)
    this.#probers.set(toKey(pod), await Prober.start(host, ports))
  }

  /** The network namespace of a pod. */
  netnsOf(key: string): Host {
    const host = this.#hosts.get(key)
    if (host === undefined) throw new Error(`there is no pod ${key}`)
    return host
  }

  /** The node that the pod is on. */
  hostOf({ node }: WorldPod): Host {
    const host = this.nodes[node - 1]?.host
    if (host === undefined) throw new Error(`there is no node ${node}`)
    return host
  }

  /** A policy as the API server stores it, in place of one of the same name. */
  setPolicy(policy: NetworkPolicy): void {
    const copy = structuredClone(policy)
    networkPolicies.setDefaults?.(copy)
    const { metadata, spec = {} } = copy
    const stored = { name: '', uid: 'u', resourceVersion: '1', creationTimestamp: '', ...metadata }
    this.policies.set(toKey(copy), { ...copy, spec, metadata: stored })
  }

  /** Brings both nodes' kernels to what the world holds now. */
  async sync(): Promise<void> {
    await Promise.all(
      this.nodes.map(async (node) => {
        updateTable(node, this)
        await node.backend.apply(node.table.takeChanges())
      }),
    )
  }

  /** New lives of the agents on the same kernels; they know nothing until the next sync. */
  restartAgents(): void {
    for (const node of this.nodes) {
      node.backend = new NftablesBackend(node.host)
      node.table = new PolicyTable()
      node.told.clear()
    }
  }

  /** Which of the probes were answered; by the pod that asks. */
  async probe(probes: ReadonlyMap<string, Probe[]>): Promise<Set<string>> {
    const answers = [...probes].map(async ([key, list]) => (await this.#probers.get(key)?.ask(list)) ?? [])
    return new Set((await Promise.all(answers)).flat())
  }

  async close(): Promise<void> {
    for (const prober of this.#probers.values()) prober.close()
    await this.net.close()
  }
}

/** Tells the table of everything; it looks at what is new to it. */
function updateTable({ name: nodeName, table, told }: WorldNode, world: PolicyWorld): void {
  for (const [name, labels] of world.namespaces) table.setNamespace(name, { ...labels })
  for (const key of told) if (!world.policies.has(key)) table.setPolicy(key, undefined)
  for (const [key, policy] of world.policies) {
    table.setPolicy(key, policy)
    told.add(key)
  }
  for (const [key, pod] of world.pods) table.setPod(key, toPolicyPod(toApiPod(pod), nodeName))
}

/** The pod as the API shows it when it runs. */
function toApiPod({ namespace, name, labels, node, ipv4, ipv6, ports }: WorldPod): Stored<Pod> {
  return {
    metadata: { namespace, name, labels: { ...labels }, uid: name, resourceVersion: '1', creationTimestamp: '' },
    spec: { nodeName: `node-${node}`, containers: [{ name: 'app', ports }] },
    status: { phase: 'Running', podIP: ipv4, podIPs: [{ ip: ipv4 }, { ip: ipv6 }] },
  }
}

/** The process in a pod. */
class Prober {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(process: ChildProcess, lines: Interface) {
    this.#process = process
    this.#lines = lines[Symbol.asyncIterator]()
  }

  static async start(host: Host, ports: number[]): Promise<Prober> {
    const child = spawn('nsenter', [`--net=${host.netns}`, process.execPath, proberPath, ...ports.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const prober = new Prober(child, createInterface({ input: child.stdout }))
    await prober.#lines.next() // "ready"
    return prober
  }

  async ask(probes: readonly Probe[]): Promise<string[]> {
    this.#process.stdin?.write(`${JSON.stringify(probes)}\n`)
    const { value } = await this.#lines.next()
    return JSON.parse(value)
  }

  close(): void {
    this.#process.kill('SIGKILL')
  }
}
