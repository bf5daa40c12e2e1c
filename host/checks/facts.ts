// What is known of a host before anything is decided. Gathered by gather.ts; checks look at nothing else.

import type { KernelFeature } from '../../cni/linux/kernel-features.ts'

/** A port that somebody listens on. */
interface Listener {
  protocol: 'tcp' | 'udp'
  /** "*" takes both families. */
  address: string
  port: number
}

export interface DockerFacts {
  /** What is missing for it to answer, in a few words; absent when it answers. */
  problem?: string
  /** Whether its programs are on this host. */
  isInstalled: boolean
  version?: string
  cgroupDriver?: string
  storageDriver?: string
  /** Containers outlive their daemon. */
  liveRestore?: boolean
  /** Runs without root's rights, and so without the host's network. */
  isRootless?: boolean
}

/** ufw, switched on. */
export interface UfwFacts {
  name: 'ufw'
  /** What it lets in, in its own words, line by line. */
  allowed: string[]
}

/** firewalld, switched on. */
export interface FirewalldFacts {
  name: 'firewalld'
  zones: FirewalldZone[]
}

export interface FirewalldZone {
  name: string
  /** Has all links that no zone names. */
  isDefault: boolean
  /** What becomes of a packet that nothing else is said of: "ACCEPT", "default" and others. */
  target: string
  /** Names of links; "eth+" is all that begin so. */
  links: string[]
  /** Ranges, MAC addresses and "ipset:NAME": packets from there are in this zone whatever link they come by. */
  sources: string[]
  /** "10250/tcp" or "30000-32767/udp". */
  ports: string[]
}

/** One firewall that is switched on. */
export type FirewallFacts = UfwFacts | FirewalldFacts

export interface HostFacts {
  isRoot: boolean
  hasSystemd: boolean
  /** How packages are installed here. */
  packages: 'apt-get' | 'dnf' | 'zypper' | 'unknown'
  kernelRelease: string
  kernelFeatures: ReadonlySet<KernelFeature>
  /** Programs of others that the agent starts and that are not on this host. */
  missingPrograms: string[]
  cgroups: { version: 1 | 2 | undefined; controllers: string[] }
  docker: DockerFacts
  listeners: Listener[]
  clock: { nowMs: number; isSynchronised: boolean | undefined }
  /** Kernel settings that are to be changed, by name; those that the kernel lacks are not in it. */
  sysctls: ReadonlyMap<string, string>
  firewalls: FirewallFacts[]
  swapBytes: number
  hostName: string
  memoryBytes: number
  cpus: number
  /** Free where state is kept. */
  diskFreeBytes: number
  /** Addresses of links, such as 10.0.0.10/24, without loopback. */
  addresses: { dev: string; address: string; prefix: number }[]
  /** Where packets go, as ranges; the default route is not among them. */
  routes: { range: string; dev: string }[]
  /** systemd-networkd is at work, and takes routes of others away. */
  dropsForeignRoutes: boolean
  /** The address by which others reach this host when no flag names one; absent: it has none. */
  ownAddress: string | undefined
  /** Files, links, units, containers and tables of an installation of Fairlead. */
  leftovers: string[]
  /** Where such things could not be looked for, with the reason. */
  unread: string[]
  /** Other orchestrators and pod networks of which there are signs. */
  strangers: string[]
  /** Our units that are there, with what systemd says of them. */
  units: { name: string; state: string }[]
}
