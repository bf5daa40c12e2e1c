// Kernel, programs, cgroups, kernel settings.

import type { KernelFeature } from '../../cni/linux/kernel-features.ts'
import { type Check, failed, type HostWish, ok, warning } from './check.ts'
import type { HostFacts } from './facts.ts'

/** Why a feature is needed, by its name. */
const always: Partial<Record<KernelFeature, string>> = {
  bridge: 'pods are plugged into one',
  veth: "a pod's cable",
  nf_tables: 'network policies, host ports, Services',
  iptables: 'masquerade and Services',
  conntrack: 'addresses of Services are translated by it',
  br_netfilter: 'pods of one node reach each other through Services',
  overlay: "Docker's file systems",
}

/** Features of the kernel that the wished modes need. */
export const checkKernel: Check = ({ kernelRelease, kernelFeatures }, wish) => {
  const needed = Object.entries({ ...(wish.isNode ? always : {}), ...ofModes(wish) })
  const missing = needed.filter(([feature]) => !kernelFeatures.has(feature as KernelFeature))
  if (missing.length === 0)
    return [
      ok('kernel', `${kernelRelease}${needed.length === 0 ? '' : ` with ${needed.map(([name]) => name).join(', ')}`}`),
    ]
  return missing.map(([feature, why]) =>
    failed(
      `kernel: ${feature}`,
      `${kernelRelease} has no ${feature} (${why})`,
      `modprobe ${feature}; if that fails, install the distribution's full kernel (Debian: linux-image-amd64, not -cloud) and reboot`,
    ),
  )
}

function ofModes({ isNode, proxyMode, network }: HostWish): Partial<Record<KernelFeature, string>> {
  if (!isNode) return {}
  return {
    ...(network === 'vxlan' && { vxlan: '--network vxlan' }),
    ...(network === 'wireguard' && { wireguard: '--network wireguard' }),
    ...(proxyMode === 'ipvs' && { ip_vs: '--proxy-mode ipvs', ipset: '--proxy-mode ipvs', dummy: '--proxy-mode ipvs' }),
  }
}

/** Programs that the agent starts, by the package that has them. */
const packagesOf: Record<string, { apt: string; dnf: string }> = {
  ip: { apt: 'iproute2', dnf: 'iproute' },
  bridge: { apt: 'iproute2', dnf: 'iproute' },
  tc: { apt: 'iproute2', dnf: 'iproute-tc' },
  ss: { apt: 'iproute2', dnf: 'iproute' },
  nft: { apt: 'nftables', dnf: 'nftables' },
  iptables: { apt: 'iptables', dnf: 'iptables-nft' },
  ip6tables: { apt: 'iptables', dnf: 'iptables-nft' },
  conntrack: { apt: 'conntrack', dnf: 'conntrack-tools' },
  nsenter: { apt: 'util-linux', dnf: 'util-linux-core' },
  sysctl: { apt: 'procps', dnf: 'procps-ng' },
  ipset: { apt: 'ipset', dnf: 'ipset' },
  ipvsadm: { apt: 'ipvsadm', dnf: 'ipvsadm' },
  wg: { apt: 'wireguard-tools', dnf: 'wireguard-tools' },
  tcpdump: { apt: 'tcpdump', dnf: 'tcpdump' },
}

/** Names of all programs that are looked for. */
export const programsOfAgent = Object.keys(packagesOf)

/** Programs without which only one mode or one tool does not work. */
const special: Record<string, (wish: HostWish) => boolean> = {
  ipset: ({ proxyMode }) => proxyMode === 'ipvs',
  ipvsadm: ({ proxyMode }) => proxyMode === 'ipvs',
  wg: ({ network }) => network === 'wireguard',
  tcpdump: () => false,
}

/** Programs that the agent calls. */
export const checkPrograms: Check = (facts, wish) => {
  if (!wish.isNode) return []
  const needed = facts.missingPrograms.filter((name) => special[name]?.(wish) ?? true)
  if (needed.length > 0)
    return [failed('programs', `not on this host: ${needed.join(', ')}`, installCommand(facts, needed))]
  if (facts.missingPrograms.includes('tcpdump'))
    return [
      warning('programs', 'no tcpdump: `fairlead net capture` will not work here', installCommand(facts, ['tcpdump'])),
    ]
  return [ok('programs', 'all there')]
}

/** The line that installs what has these programs. */
function installCommand({ packages }: Pick<HostFacts, 'packages'>, programs: readonly string[]): string {
  const manager = packages === 'dnf' ? 'dnf' : 'apt'
  const names = [...new Set(programs.map((name) => packagesOf[name]?.[manager] ?? name))].join(' ')
  return packages === 'unknown' ? `install ${names}` : `${packages} install ${names}`
}

/** Which cgroups there are; both versions will do. */
export const checkCgroups: Check = ({ cgroups: { version, controllers } }, { isNode }) => {
  if (!isNode) return []
  if (version === undefined)
    return [failed('cgroups', 'none mounted at /sys/fs/cgroup', 'mount them; systemd does at boot')]
  const missing = ['cpu', 'memory', 'pids'].filter((name) => !controllers.includes(name))
  if (missing.length === 0) return [ok('cgroups', `v${version}`)]
  return [
    failed(
      'cgroups',
      `v${version} without ${missing.join(', ')}`,
      `switch them on: kernel parameters cgroup_enable=${missing.join(' cgroup_enable=')}, then reboot`,
    ),
  ]
}

/** Settings that the agent sets itself; here only what keeps it from doing so. */
export const checkSysctls: Check = ({ sysctls }, { isNode }) => {
  if (!isNode) return []
  const value = sysctls.get('net.ipv4.ip_forward')
  if (value === undefined)
    return [
      failed(
        'sysctls',
        'the kernel has no net.ipv4.ip_forward',
        "is /proc/sys mounted and the network namespace the host's?",
      ),
    ]
  const different = [...sysctls].filter(([name, actual]) => wantedOnes.has(name) && actual !== '1')
  const text = different.map(([name, actual]) => `${name} is ${actual}`).join(', ')
  return [ok('sysctls', text === '' ? 'as needed' : `${text}; the agent sets 1`)]
}

const wantedOnes = new Set(['net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables'])
