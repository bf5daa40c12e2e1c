// Attaches and detaches pods, one after the other or all at once, in one of three ways, and prints how long each call took in
// milliseconds, as JSON. Runs in the namespace that plays the node.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Afterwork } from '../../../agent/network/afterwork.ts'
import { enableNetlink } from '../../../cni/linux/netlink.ts'
import * as cbr from '../../../cni/plugin.ts'
import type { NetworkConfig } from '../../../cni/spec.ts'

/** Who does the work: Debian's bridge and host-local, cbr as a program, cbr as a function of this process. */
export type CniWay = 'bridge' | 'cbr program' | 'cbr function'

interface Order {
  way: CniWay
  dataDir: string
  /** Program of the two ways that start one. */
  program: string
  /** Paths of the pods' namespaces. */
  pods: string[]
  atOnce: boolean
}

export interface CniTimes {
  addMs: number[]
  delMs: number[]
  /** Of all ADDs and of all DELs together. */
  allAddMs: number
  allDelMs: number
}

// As the agent does.
enableNetlink()
const afterwork = new Afterwork((error) => {
  throw error
})
const later = (containerId: string) => (work: () => Promise<void>) => afterwork.add(containerId, work)
const order: Order = JSON.parse(process.argv[2] ?? '')
const { way, pods } = order
const config: NetworkConfig =
  way === 'bridge'
    ? {
        cniVersion: '1.0.0',
        name: 'bench',
        type: 'bridge',
        bridge: 'go0',
        isGateway: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.78.0.0/16' }]], dataDir: order.dataDir },
      }
    : {
        cniVersion: '1.0.0',
        name: 'bench',
        type: 'cbr',
        bridge: 'cbr0',
        ipam: { ranges: [[{ subnet: '10.77.0.0/16' }]], dataDir: order.dataDir },
      }

// The bridge is there for all pods but the first of a node.
await call('ADD', 0)
await call('DEL', 0)
await afterwork.settled()
const [addMs, allAddMs] = await measureAll('ADD')
const bridge = way === 'bridge' ? 'go0' : 'cbr0'
const plugged = execFileSync('ip', ['-o', 'link', 'show', 'master', bridge], { encoding: 'utf8' }).trim().split('\n')
if (plugged.length !== pods.length) throw new Error(`${plugged.length} of ${pods.length} pods are plugged in`)
const [delMs, allDelMs] = await measureAll('DEL')
const times: CniTimes = { addMs, delMs, allAddMs, allDelMs }
console.log(JSON.stringify(times))

async function measureAll(command: 'ADD' | 'DEL'): Promise<[number[], number]> {
  const startMs = performance.now()
  const each: number[] = []
  const measure = async (index: number) => {
    const eachStartMs = performance.now()
    await call(command, index)
    each.push(performance.now() - eachStartMs)
  }
  if (order.atOnce) await Promise.all(pods.map((_, index) => measure(index)))
  else for (const index of pods.keys()) await measure(index)
  // What the calls have left to be done counts too.
  await afterwork.settled()
  return [each, performance.now() - startMs]
}

async function call(command: 'ADD' | 'DEL', index: number): Promise<void> {
  const netns = pods[index] ?? ''
  if (way === 'cbr function') {
    const invocation = { containerId: `pod-${index}`, netns, ifname: 'eth0' }
    await (command === 'ADD' ? cbr.add(config, invocation) : cbr.del(config, invocation, later(invocation.containerId)))
    return
  }
  const env = {
    ...process.env,
    CNI_COMMAND: command,
    CNI_CONTAINERID: `pod-${index}`,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
  }
  const child = spawn(order.program, { env: { ...env, CNI_PATH: '/usr/lib/cni' }, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(config))
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += String(chunk)
  })
  const [exitCode] = await once(child, 'close')
  if (exitCode !== 0) throw new Error(`${order.program} ${command}: ${said}`)
}
