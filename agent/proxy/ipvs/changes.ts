// The difference between what is wanted and what the kernel holds, as the text of the tools that mend it. Pure.

import { deviceName, type Kernel, type KernelServer } from './kernel.ts'
import type { WantedServer } from './plan.ts'
import { isOpener } from './sets.ts'
import type { Touched, Wanted } from './wanted.ts'

/**
 * To be written in this order. A Service's address answers on nothing but the Service's ports at any time in between: it
 * is in KUBE-IPVS-IPS, which refuses all, before it is the node's, and until after.
 */
export interface Changes {
  /** Lines of `ipset restore`: closes ports that go, and prepares what opening relies on. */
  closing: string[]
  /** Lines of `ip -batch`. */
  addresses: string[]
  /** Lines of `ipvsadm -R`. */
  servers: string[]
  /** Lines of `ipset restore`: opens ports that came, and forgets what is no longer relied on. */
  opening: string[]
}

/** What to write so that the kernel holds what is wanted of these keys. */
export function planChanges(wanted: Wanted, kernel: Kernel, touched: Touched): Changes {
  const changes: Changes = { closing: [], addresses: [], servers: [], opening: [] }
  for (const key of touched.elements) planElement(changes, key, wanted.elements.get(key), kernel.elements.get(key))
  for (const key of touched.addresses) {
    const [has, wants] = [kernel.addresses.has(key), wanted.addresses.has(key)]
    if (wants && !has) changes.addresses.push(`addr replace ${key} dev ${deviceName} ${addressOptions(key)}`)
    if (has && !wants) changes.addresses.push(`addr del ${key} dev ${deviceName}`)
  }
  for (const key of touched.servers)
    changes.servers.push(...planServer(key, wanted.servers.get(key), kernel.servers.get(key)))
  return changes
}

/** All keys that either side has. */
export function allKeys(wanted: Wanted, kernel: Kernel): Touched {
  return {
    addresses: new Set([...kernel.addresses, ...wanted.addresses.keys()]),
    servers: new Set([...kernel.servers.keys(), ...wanted.servers.keys()]),
    elements: new Set([...kernel.elements.keys(), ...wanted.elements.keys()]),
  }
}

/** Notes in the picture of the kernel that the changes of these keys were written. */
export function noteWritten(wanted: Wanted, kernel: Kernel, touched: Touched): void {
  for (const key of touched.addresses) {
    if (wanted.addresses.has(key)) kernel.addresses.add(key)
    else kernel.addresses.delete(key)
  }
  for (const key of touched.elements) {
    const comment = wanted.elements.get(key)
    if (comment === undefined) kernel.elements.delete(key)
    else kernel.elements.set(key, comment)
  }
  for (const key of touched.servers) noteServer(key, wanted.servers.get(key), kernel)
}

/** None of our addresses is ever chosen as the source of the node's own connections to elsewhere. */
function addressOptions(address: string): string {
  return address.includes(':') ? 'nodad preferred_lft 0' : 'scope host'
}

function planElement(changes: Changes, key: string, wanted: string | undefined, actual: string | undefined): void {
  const opener = isOpener(key.slice(0, key.indexOf(' ')))
  if (wanted === undefined) (opener ? changes.closing : changes.opening).push(`del ${key}`)
  else if (wanted !== actual)
    (opener ? changes.opening : changes.closing).push(`add ${key}${wanted === '' ? '' : ` ${wanted}`}`)
}

function planServer(key: string, wanted: WantedServer | undefined, actual: KernelServer | undefined): string[] {
  if (wanted === undefined) return actual === undefined ? [] : [`-D ${key}`]
  const lines: string[] = []
  if (actual === undefined) lines.push(`-A ${key} ${wanted.options}`)
  else if (actual.options !== wanted.options) lines.push(`-E ${key} ${wanted.options}`)
  for (const realServer of wanted.realServers) {
    const weight = actual?.realServers.get(realServer)?.weight
    if (weight !== 1) lines.push(`-${weight === undefined ? 'a' : 'e'} ${key} -r ${realServer} -m -w 1`)
  }
  if (actual === undefined) return lines
  const kept = new Set(wanted.realServers)
  for (const [realServer, state] of actual.realServers) {
    if (kept.has(realServer)) continue
    const step = stepToRemove(wanted, state)
    if (step === 'delete') lines.push(`-d ${key} -r ${realServer}`)
    if (step === 'drain') lines.push(`-e ${key} -r ${realServer} -m -w 0`)
  }
  return lines
}

function stepToRemove({ drains }: WantedServer, { weight, connections }: { weight: number; connections?: number }) {
  if (!drains) return 'delete'
  if (weight !== 0) return 'drain'
  return connections === 0 ? 'delete' : 'wait'
}

function noteServer(key: string, wanted: WantedServer | undefined, kernel: Kernel): void {
  if (wanted === undefined) {
    kernel.servers.delete(key)
    return
  }
  const kept = new Set(wanted.realServers)
  const leaving = [...(kernel.servers.get(key)?.realServers ?? [])].filter(
    ([realServer, state]) => !kept.has(realServer) && stepToRemove(wanted, state) !== 'delete',
  )
  kernel.servers.set(key, {
    options: wanted.options,
    realServers: new Map<string, { weight: number }>([
      ...wanted.realServers.map((realServer): [string, { weight: number }] => [realServer, { weight: 1 }]),
      // Whether they still have connections is known again after the next reading.
      ...leaving.map(([realServer]): [string, { weight: number }] => [realServer, { weight: 0 }]),
    ]),
  })
}
