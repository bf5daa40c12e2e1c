// What this kernel can do: from the lists of its modules where there are any, else by trying in a network namespace that is
// thrown away. Looking at the lists loads nothing; trying may load a module.

import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { run } from './exec.ts'

/** How to find out about one feature. */
interface Probe {
  /** Modules of which any will do. */
  modules: readonly string[]
  /** A command that succeeds where the feature is there. */
  attempt: readonly string[]
}

const link = (...kind: string[]) => ['ip', 'link', 'add', 'fl0', 'type', ...kind]

const probes = {
  bridge: { modules: ['bridge'], attempt: link('bridge') },
  veth: { modules: ['veth'], attempt: link('veth', 'peer', 'name', 'fl1') },
  vxlan: { modules: ['vxlan'], attempt: link('vxlan', 'id', '1', 'dstport', '4789') },
  nf_tables: { modules: ['nf_tables'], attempt: ['nft', 'add', 'table', 'ip', 'fl'] },
  iptables: { modules: ['nft_compat', 'ip_tables'], attempt: ['iptables', '-t', 'nat', '-S'] },
  conntrack: { modules: ['nf_conntrack'], attempt: ['conntrack', '-C'] },
  br_netfilter: { modules: ['br_netfilter'], attempt: ['test', '-e', '/proc/sys/net/bridge'] },
  overlay: { modules: ['overlay'], attempt: ['grep', '-qw', 'overlay', '/proc/filesystems'] },
  ipset: { modules: ['ip_set'], attempt: ['ipset', 'list', '-n'] },
  ip_vs: { modules: ['ip_vs'], attempt: ['ipvsadm', '-Ln'] },
  dummy: { modules: ['dummy'], attempt: link('dummy') },
  wireguard: { modules: ['wireguard'], attempt: link('wireguard') },
} satisfies Record<string, Probe>

/** Something that a kernel may lack. */
export type KernelFeature = keyof typeof probes

/** Names of all features. */
export const kernelFeatures = Object.keys(probes) as KernelFeature[]

/** The features that this kernel has, built in, loaded, or to be loaded when they are first used. */
export async function readKernelFeatures(): Promise<Set<KernelFeature>> {
  const known = readModules()
  const found = await Promise.all(
    kernelFeatures.map(async (feature) => {
      const { modules, attempt }: Probe = probes[feature]
      return modules.some((name) => known.has(name)) || (await succeeds(attempt)) ? [feature] : []
    }),
  )
  return new Set(found.flat())
}

/** Names of modules that are built in, loaded, or on disk for this kernel. */
function readModules(): Set<string> {
  const directory = join('/lib/modules', release())
  const files = [join(directory, 'modules.dep'), join(directory, 'modules.builtin'), '/proc/modules']
  return new Set(files.filter((file) => existsSync(file)).flatMap((file) => parseModules(readFileSync(file, 'utf8'))))
}

/** Names in lines as "kernel/net/bridge/bridge.ko.xz: ..." and "bridge 311296 1 ...". */
export function parseModules(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const name = /^(?:\S*\/)?([\w-]+?)(?:\.ko(?:\.\w+)?)?(?::|\s|$)/.exec(line)?.[1]
    return name === undefined ? [] : [name.replaceAll('-', '_')]
  })
}

async function succeeds([program = '', ...args]: readonly string[]): Promise<boolean> {
  return await run('unshare', ['--net', program, ...args]).then(
    () => true,
    () => false, // the answer that was asked for
  )
}
