// Kernel settings of the node's network namespace without which pods reach nobody.

import { familyOf } from '../../api/objects/addresses.ts'
import { readSysctls } from '../../cni/linux/sysctl.ts'
import type { Repair } from './repair.ts'

export interface SysctlWish {
  /** Pod ranges of this node. */
  ranges: readonly string[]
  /** Links that pods' packets come in by. */
  devices: readonly string[]
  /** The links among them that lead out of the node. */
  uplinks: readonly string[]
  owner: string
}

/** What must be set. Throws when the kernel lacks a setting that pods need. */
export async function compareSysctls(wish: SysctlWish): Promise<Repair[]> {
  const needed = neededSettings(wish.ranges)
  const strict = ['all', ...wish.devices].map((device) => nameOf('ipv4', device, 'rp_filter'))
  const routers = hasIpv6(wish.ranges) ? wish.uplinks.map((device) => nameOf('ipv6', device, 'accept_ra')) : []
  const actual = await readSysctls([...needed.keys(), ...strict, ...routers])
  for (const name of needed.keys()) if (!actual.has(name)) throw new Error(missingMessage(name))
  return planSysctls(wish, actual)
}

/** The same of values that were read. Pure. */
function planSysctls({ ranges, devices, uplinks, owner }: SysctlWish, actual: ReadonlyMap<string, string>): Repair[] {
  const wanted = neededSettings(ranges)
  // Strict reverse-path filtering drops what comes in by another link than replies would take: a node's own address out of
  // a tunnel. The larger of "all" and the device's counts, so that loose (2) on the device wins.
  const isStrict = (device: string) =>
    Math.max(...['all', device].map((each) => Number(actual.get(nameOf('ipv4', each, 'rp_filter')) ?? 0))) === 1
  for (const device of devices) if (isStrict(device)) wanted.set(nameOf('ipv4', device, 'rp_filter'), '2')
  // A kernel that forwards stops listening to router advertisements, unless told to go on (2).
  for (const device of hasIpv6(ranges) ? uplinks : []) {
    const name = nameOf('ipv6', device, 'accept_ra')
    if (actual.get(name) === '1') wanted.set(name, '2')
  }
  return [...wanted]
    .filter(([name, value]) => actual.get(name) !== value)
    .map(([name, value]) => ({
      differences: [
        { kind: 'sysctl', name, state: 'different', owner, detail: `is ${actual.get(name)}, wanted ${value}` },
      ],
      sysctls: new Map([[name, value]]),
    }))
}

function neededSettings(ranges: readonly string[]): Map<string, string> {
  return new Map([
    ['net.ipv4.ip_forward', '1'],
    // Two pods on one bridge that speak through a ClusterIP: replies must pass the connection tracking that changed the address.
    ['net.bridge.bridge-nf-call-iptables', '1'],
    ...(hasIpv6(ranges)
      ? ([
          ['net.ipv6.conf.all.forwarding', '1'],
          ['net.bridge.bridge-nf-call-ip6tables', '1'],
        ] as const)
      : []),
  ])
}

function hasIpv6(ranges: readonly string[]): boolean {
  return ranges.some((range) => familyOf(range) === 'ipv6')
}

/** A dot in a device's name is a slash in a setting's. */
function nameOf(family: 'ipv4' | 'ipv6', device: string, setting: string): string {
  return `net.${family}.conf.${device.replaceAll('.', '/')}.${setting}`
}

function missingMessage(name: string): string {
  const hint = name.startsWith('net.bridge') ? ': is the module br_netfilter loaded (modprobe br_netfilter)?' : ''
  return `this kernel has no setting ${name}${hint}`
}
