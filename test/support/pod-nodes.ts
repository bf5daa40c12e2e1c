// Nodes of a cluster as the pod network sees them, with its real code on each: nodes on two switches, a router between them
// that knows nothing of pods, a host outside, and pods without containers. What kernel tests of the pod network play in.

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NetworkKind } from '../../agent/network/plan.ts'
import type { AttachRequest } from '../../agent/network/pod-network.ts'
import { ensureWireguardKey } from '../../agent/network/wireguard-key.ts'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from './namespaces.ts'
import type { ClusterNode, PodNodeCalls, PodNodeOptions } from './pod-node-process.ts'

export interface ClusterOptions {
  /** Short: it goes into names. */
  topic: string
  kind: NetworkKind
  /** Which of the two switches each node is plugged into: 1 or 2. */
  switches: readonly (1 | 2)[]
  /** Tunnels go over the first. */
  families?: readonly ('ipv4' | 'ipv6')[]
  /** Length of the nodes' IPv4 pod ranges. */
  rangeBits?: number
  /** Of all links between nodes. */
  mtu?: number
  /** pod-node-process.ts, or its bundle where there is none. */
  program?: string
  /** False leaves the nodes' kernels alone until settle() is called. */
  isSettled?: boolean
}

export interface TestPod {
  host: Host
  sandboxId: string
  node: PodNode
  ips: string[]
}

/** Those that wait for their answers, by their number. */
type Questions = Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>

/** One node: its namespace, and its process to ask. */
export class PodNode {
  readonly host: Host
  readonly self: ClusterNode
  readonly #options: PodNodeOptions
  readonly #program: string
  #process: { child: ChildProcess; questions: Questions } | undefined
  #lastId = 0

  constructor(
    host: Host,
    self: ClusterNode,
    { kind, clusterCidrs, program }: Pick<PodNodeOptions, 'kind' | 'clusterCidrs'> & { program: string },
  ) {
    const dataDir = mkdtempSync(join(tmpdir(), 'fairlead-node-'))
    const wireguardKeyFile = join(dataDir, 'wireguard', 'private.key')
    this.host = host
    this.self = kind === 'wireguard' ? { ...self, wireguardKey: ensureWireguardKey(wireguardKeyFile).publicKey } : self
    this.#options = { self: this.self, kind, clusterCidrs, dataDir, wireguardKeyFile }
    this.#program = program
  }

  /** Where its records and reservations are. */
  get dataDir(): string {
    return this.#options.dataDir
  }

  async ask<Name extends keyof PodNodeCalls>(
    name: Name,
    ...args: Parameters<PodNodeCalls[Name]>
  ): Promise<Awaited<ReturnType<PodNodeCalls[Name]>>> {
    this.#process ??= this.#start()
    const { child, questions } = this.#process
    const id = ++this.#lastId
    const answer = new Promise<Awaited<ReturnType<PodNodeCalls[Name]>>>((resolve, reject) =>
      questions.set(id, { resolve, reject }),
    )
    child.send({ id, name, args })
    return await answer
  }

  /** The agent dies; the kernel and its files stay. The next question starts another. */
  kill(): void {
    this.#process?.child.kill('SIGKILL')
    this.#process = undefined
  }

  /** The agent ends, and the next one is told of another kind of network. */
  async become(kind: NetworkKind): Promise<void> {
    await this.ask('stop')
    this.kill()
    this.#options.kind = kind
  }

  /** Of what the kernel holds of the pod network, in the words of its own tools. */
  async show(program: string, ...args: string[]): Promise<string> {
    return await run(program, args, this.host)
  }

  close(): void {
    this.kill()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  #start(): { child: ChildProcess; questions: Questions } {
    const questions: Questions = new Map()
    const child = fork(this.#program, [JSON.stringify(this.#options)], {
      execPath: 'nsenter',
      execArgv: [`--net=${this.host.netns}`, process.execPath, '--disable-warning=ExperimentalWarning'],
    })
    child.on('message', ({ id, answer, error }: { id: number; answer: never; error?: string }) => {
      const question = questions.get(id)
      questions.delete(id)
      if (error === undefined) question?.resolve(answer)
      else question?.reject(new Error(error))
    })
    child.on('exit', () => {
      for (const { reject } of questions.values()) reject(new Error(`the process of ${this.self.name} ended`))
      questions.clear()
    })
    return { child, questions }
  }
}

export class PodCluster {
  readonly net: TestNetwork
  readonly router: Host
  /** On the first switch, knowing nothing of pods. Its addresses end in 200. */
  readonly outside: Host
  readonly nodes: PodNode[] = []
  readonly #pods = new Map<string, TestPod>()

  private constructor(net: TestNetwork, router: Host, outside: Host) {
    this.net = net
    this.router = router
    this.outside = outside
  }

  /** Every node has its way to all others when this returns, unless told otherwise. */
  static async create(options: ClusterOptions): Promise<PodCluster> {
    const { topic, switches, mtu = 1500 } = options
    const net = await TestNetwork.create(topic)
    const router = await net.addHost('router')
    await run('ip', ['-batch', '-'], { ...router, input: [1, 2].flatMap((each) => switchLines(each, mtu)).join('') })
    const settings = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']
    const bridged = ['iptables', 'ip6tables'].map((name) => `net.bridge.bridge-nf-call-${name}=0`)
    await run('sysctl', ['-qw', ...settings, ...bridged], router)
    const outside = await net.addHost('outside')
    const cluster = new PodCluster(net, router, outside)
    await cluster.#plugIn(outside, 'outside', 1, 200, mtu)
    for (const [index, on] of switches.entries()) await cluster.#addNode(index + 1, on, options)
    if (options.isSettled !== false) await cluster.settle()
    return cluster
  }

  async #addNode(index: number, on: 1 | 2, options: ClusterOptions): Promise<void> {
    const { families = ['ipv4', 'ipv6'], rangeBits = 24, kind, mtu = 1500 } = options
    const host = await this.net.addHost(`n${index}`)
    await this.#plugIn(host, `n${index}`, on, 10 + index, mtu)
    const pick = (ipv4: string, ipv6: string) => families.map((family) => (family === 'ipv4' ? ipv4 : ipv6))
    const self = {
      name: `node-${index}`,
      addresses: pick(`198.18.${on}.${10 + index}`, `fd00:18:${on}::${10 + index}`),
      ranges: pick(`10.244.${index}.0/${rangeBits}`, `fd00:244:${index}::/64`),
    }
    const { program = fileURLToPath(new URL('pod-node-process.ts', import.meta.url)) } = options
    this.nodes.push(new PodNode(host, self, { kind, clusterCidrs: pick('10.244.0.0/16', 'fd00:244::/32'), program }))
  }

  async #plugIn(host: Host, port: string, on: 1 | 2, number: number, mtu: number): Promise<void> {
    await run('ip', ['-batch', '-'], {
      ...this.router,
      input: `link add ${port} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${host.name}\nlink set ${port} master sw${on} up\n`,
    })
    // A node's uplink has long been up when its agent starts: its own address is not probed for any more.
    await run('sysctl', ['-qw', 'net.ipv6.conf.eth0.accept_dad=0'], host)
    const addresses = `addr add 198.18.${on}.${number}/24 dev eth0\naddr add fd00:18:${on}::${number}/64 dev eth0 nodad\n`
    const routes = `route add default via 198.18.${on}.254\nroute add default via fd00:18:${on}::254\n`
    await run('ip', ['-batch', '-'], { ...host, input: `${addresses}link set eth0 up\n${routes}` })
  }

  /** Tells these nodes of each other, all if none are named, and returns when their kernels agree. */
  async settle(nodes: readonly PodNode[] = this.nodes): Promise<void> {
    await Promise.all(
      nodes.map((node) =>
        node.ask(
          'setNodes',
          nodes.map(({ self }) => self),
        ),
      ),
    )
  }

  /** A namespace attached to the node's pod network. */
  async addPod(name: string, node: PodNode, more: Partial<AttachRequest> = {}): Promise<TestPod> {
    const host = await this.net.addHost(name)
    const sandboxId = `sandbox-${name}`
    const request = { sandboxId, pod: { namespace: 'default', name, uid: name }, netns: host.netns, portMappings: [] }
    const { ips } = await node.ask('attach', { ...request, ...more })
    const pod = { host, sandboxId, node, ips }
    this.#pods.set(name, pod)
    return pod
  }

  async close(): Promise<void> {
    for (const node of this.nodes) node.close()
    await this.net.close()
  }
}

function switchLines(index: number, mtu: number): string[] {
  return [
    `link add sw${index} mtu ${mtu} type bridge forward_delay 0\n`,
    `addr add 198.18.${index}.254/24 dev sw${index}\n`,
    `addr add fd00:18:${index}::254/64 dev sw${index} nodad\n`,
    `link set sw${index} up\n`,
  ]
}
