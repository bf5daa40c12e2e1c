// Faults on this node: begun when asked for, ended by time, by request, or with the agent. What an agent left that was killed is
// removed by the next one; the kernel has ended it on its own by then, or will.

import { Turns } from '../../api/client/turns.ts'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { type ActiveFault, describeFault, type FaultRequest } from '../../api/net/fault.ts'
import type { LinkState } from '../../api/net/state.ts'
import { badRequest, StatusError } from '../../api/objects/status-error.ts'
import type { RunOptions } from '../../cni/linux/exec.ts'
import { findRouteDevice, showLinks } from '../../cni/linux/iproute.ts'
import { ifNoProgram } from '../../cni/linux/missing-program.ts'
import { hasTable, listTable, runNft } from '../../cni/linux/nft.ts'
import { canDelay, listQdiscs, tcBatch } from '../../cni/linux/tc.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { validateFault } from './fault-request.ts'
import { delayHandle, faultTable, planFault, planHeal, planHealAll } from './fault-rules.ts'
import { findPods } from './pod-namespaces.ts'

export interface FaultsOptions {
  nodeName: string
  runtime: Pick<Runtime, 'listSandboxes'>
  onError: (error: unknown) => void
  /** Network namespace to harm; absent: this process's own. */
  netns?: string
}

interface Begun {
  request: FaultRequest
  endsAtMs: number
  timer: NodeJS.Timeout
  /** Links that delay for it. */
  devices: string[]
}

const maxFaults = 100
/** As tc shows it. */
const noHandle = '0:'
/** How long after a failure to end a fault that is due the next attempt begins. */
const retryMs = 5_000

export class Faults implements Verifiable {
  readonly #options: FaultsOptions
  readonly #where: Pick<RunOptions, 'netns'>
  readonly #begun = new Map<string, Begun>()
  /** Of changes. */
  readonly #turns = new Turns()

  constructor(options: FaultsOptions) {
    this.#options = options
    this.#where = options.netns === undefined ? {} : { netns: options.netns }
  }

  /** Removes every fault, also those of an agent that was killed. */
  async sweep(): Promise<void> {
    await this.#turns.take(async () => {
      for (const { timer } of this.#begun.values()) clearTimeout(timer)
      this.#begun.clear()
      await removeFaults(this.#where)
    })
  }

  /** Resolves when packets are harmed. Throws BadRequest, or NotImplemented for what this kernel cannot do; nothing has changed then. */
  async begin(unchecked: FaultRequest): Promise<void> {
    const request = validateFault(unchecked)
    await this.#turns.take(async () => {
      const { id, kind, durationMs } = request
      if (this.#begun.has(id)) throw badRequest(`there is a fault "${id}" already`)
      if (this.#begun.size >= maxFaults) throw badRequest(`there are ${maxFaults} faults on this node already`)
      const devices = kind === 'delay' ? await this.#findDevices(request) : []
      try {
        await tcBatch(
          devices.flatMap((device) => planDelay(device, request.delayMs ?? 0)),
          this.#where,
        )
        await runNft(planFault(request), this.#where)
      } catch (error) {
        await this.#removeDelays(devices).catch(this.#options.onError)
        throw error
      }
      this.#begun.set(id, { request, endsAtMs: Date.now() + durationMs, timer: this.#endIn(durationMs, id), devices })
    })
  }

  /** Ends one, or all; returns the ids of those that were ended. */
  async heal(id?: string): Promise<string[]> {
    const ids = id === undefined ? [...this.#begun.keys()] : [id].filter((each) => this.#begun.has(each))
    return await this.#turns.take(async () => {
      for (const each of ids) await this.#end(each)
      return ids
    })
  }

  async list(): Promise<ActiveFault[]> {
    if (this.#begun.size === 0) return []
    const counts = countPackets(await listTable(faultTable, this.#where))
    return [...this.#begun].map(([id, { request, endsAtMs }]) => ({
      node: this.#options.nodeName,
      id,
      what: describeFault(request),
      flows: request.flows.map(({ title }) => title),
      endsInMs: Math.max(0, endsAtMs - Date.now()),
      packets: counts.get(id) ?? 0,
    }))
  }

  /** A fault is what nobody in the cluster wants. */
  async verify(): Promise<Difference[]> {
    return (await this.list()).map(({ id, what, flows, endsInMs }) => ({
      kind: 'rule',
      name: `${faultTable} ${id}`,
      state: 'extra',
      owner: `fault ${id}`,
      detail: `${what}: ${flows.join(', ')}; ends in ${Math.ceil(endsInMs / 1000)} s, or by \`net fault heal ${id}\``,
    }))
  }

  async repair(): Promise<void> {
    await this.heal()
  }

  #endIn(ms: number, id: string): NodeJS.Timeout {
    return setTimeout(() => void this.#endOrRetry(id), ms)
  }

  async #endOrRetry(id: string): Promise<void> {
    try {
      await this.heal(id)
    } catch (error) {
      this.#options.onError(error)
      const begun = this.#begun.get(id)
      if (begun !== undefined) begun.timer = this.#endIn(retryMs, id)
    }
  }

  /** Also ends what somebody else has taken out of the kernel, all or in part. What failed may be repeated. */
  async #end(id: string): Promise<void> {
    const begun = this.#begun.get(id)
    if (begun === undefined) return
    const isLast = this.#begun.size === 1
    await runNft(isLast ? planHealAll() : planHeal(begun.request), this.#where)
    await this.#removeDelays(begun.devices)
    clearTimeout(begun.timer)
    this.#begun.delete(id)
  }

  async #removeDelays(devices: readonly string[]): Promise<void> {
    if (devices.length === 0) return
    // A pod that has gone took its link along.
    const there = new Set(
      (await listQdiscs(this.#where)).filter(({ handle }) => handle === delayHandle).map(({ dev }) => dev),
    )
    const lines = devices.filter((dev) => there.has(dev)).map((dev) => `qdisc del dev ${dev} root`)
    await tcBatch(lines, this.#where)
  }

  /** The links by which delayed packets leave. */
  async #findDevices({ flows }: FaultRequest): Promise<string[]> {
    const missing = await canDelay()
    if (missing !== undefined)
      throw new StatusError(501, 'NotImplemented', `this node cannot delay packets: ${missing}`)
    const found = await Promise.all(
      flows.map(async ({ pod, to }) => {
        const [address = ''] = to
        return pod === undefined
          ? await findRouteDevice(address.split('/')[0] ?? '', this.#where)
          : await this.#portOf(pod)
      }),
    )
    const devices = [...new Set(found)]
    // One that somebody made has a handle, and could not be made again; what the kernel gives every link by itself has none.
    const busy = (await listQdiscs(this.#where)).find(
      ({ dev, handle, root }) => root && devices.includes(dev) && handle !== noHandle,
    )
    if (busy !== undefined)
      throw new StatusError(
        409,
        'Conflict',
        `${busy.dev} has a queueing discipline already (${busy.kind}): heal or remove that first`,
      )
    return devices
  }

  /** The node's end of the pod's link. */
  async #portOf(pod: string): Promise<string> {
    const [found] = await findPods(this.#options.runtime, [pod])
    const inside = (await showLinks(found === undefined ? {} : { netns: found.netns })) as LinkState[]
    const own = (await showLinks(this.#where)) as LinkState[]
    const index = inside.find(({ ifname }) => ifname === 'eth0')?.link_index
    const port = own.find(({ ifindex }) => ifindex === index)
    if (port === undefined) throw badRequest(`pod ${pod} has no link that ends on this node`)
    return port.ifname
  }
}

/** Removes what any agent's faults left in the kernel. */
export async function removeFaults(where: Pick<RunOptions, 'netns'> = {}): Promise<void> {
  if (await hasTable(faultTable, where)) await runNft(planHealAll(), where)
  const delayed = (await listQdiscs(where).catch(ifNoProgram([]))).filter(
    ({ handle, root }) => root && handle === delayHandle,
  )
  await tcBatch(
    delayed.map(({ dev }) => `qdisc del dev ${dev} root`),
    where,
  )
}

/** All else goes by the first band; what the rules choose, by the fourth, where it waits. */
function planDelay(device: string, delayMs: number): string[] {
  return [
    `qdisc replace dev ${device} root handle ${delayHandle} prio bands 4 priomap ${Array(16).fill(0).join(' ')}`,
    `qdisc add dev ${device} parent ${delayHandle}4 netem delay ${delayMs}ms limit 100000`,
  ]
}

/** By id; chains are named after them. */
function countPackets(objects: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { rule } of objects as { rule?: { chain: string; expr: { counter?: { packets: number } }[] } }[]) {
    const [id = ''] = rule?.chain.split('-') ?? []
    const packets = rule?.expr.find(({ counter }) => counter !== undefined)?.counter?.packets ?? 0
    counts.set(id, (counts.get(id) ?? 0) + packets)
  }
  return counts
}
