// Reads the facts of this host. Everything is asked for side by side; nothing is changed.

import { existsSync } from 'node:fs'
import { readdir, readFile, statfs } from 'node:fs/promises'
import { availableParallelism, hostname, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { readOwnAddress } from '../../api/net/own-address.ts'
import { run } from '../../cni/linux/exec.ts'
import { listLinks, listRoutes, listRoutes6 } from '../../cni/linux/ip.ts'
import { readKernelFeatures } from '../../cni/linux/kernel-features.ts'
import { ifNoProgram } from '../../cni/linux/missing-program.ts'
import { listSockets } from '../../cni/linux/sockets.ts'
import { readSysctls } from '../../cni/linux/sysctl.ts'
import { findFiles, findLeftovers, findUnits } from '../leftovers.ts'
import { findStrangers, listOrchestrators } from '../strangers.ts'
import { readDockerFacts } from './docker-facts.ts'
import type { HostFacts } from './facts.ts'
import { readFirewalls } from './firewall-facts.ts'
import { programsOfAgent } from './kernel.ts'
import { dropsForeignRoutes } from './networkd.ts'
import { isProgram } from './programs.ts'

/** Settings that the agent changes; what they are now is written down before it does. */
const sysctlNames = ['net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables']

/** Gathers all facts. Programs that are missing are facts, not errors. */
export async function gatherFacts(): Promise<HostFacts> {
  const [kernelFeatures, docker, firewalls, network, machine, cgroups] = await Promise.all([
    readKernelFeatures(),
    readDockerFacts(),
    readFirewalls(),
    readNetwork(),
    readMachine(),
    readCgroups(),
  ])
  const isRoot = process.getuid?.() === 0
  const [leftovers, strangers, units] = await Promise.all([
    isRoot ? findLeftovers() : { things: findFiles(), unread: [] },
    isRoot ? findStrangers() : listOrchestrators(),
    findUnits(),
  ])
  return {
    isRoot,
    hasSystemd: existsSync('/run/systemd/system'),
    packages: (['apt-get', 'dnf', 'zypper'] as const).find(isProgram) ?? 'unknown',
    kernelRelease: release(),
    kernelFeatures,
    missingPrograms: programsOfAgent.filter((name) => !isProgram(name)),
    cgroups,
    docker,
    firewalls,
    ...network,
    ...machine,
    hostName: hostname().toLowerCase(),
    leftovers: leftovers.things,
    unread: leftovers.unread,
    strangers,
    units,
  }
}

async function readNetwork(): Promise<
  Pick<HostFacts, 'listeners' | 'addresses' | 'routes' | 'dropsForeignRoutes' | 'ownAddress' | 'sysctls'>
> {
  // That a program is not on this host is a fact that a check of its own tells.
  const [listeners, links, four, six, sysctls, dropsRoutes] = await Promise.all([
    listSockets().catch(ifNoProgram([])),
    listLinks().catch(ifNoProgram([])),
    listRoutes().catch(ifNoProgram([])),
    listRoutes6().catch(ifNoProgram([])),
    readSysctls(sysctlNames).catch(ifNoProgram(new Map<string, string>())),
    dropsForeignRoutes().catch(ifNoProgram(false)),
  ])
  const addresses = links.flatMap(({ ifname, addr_info = [] }) =>
    addr_info
      .filter(({ scope }) => scope === 'global')
      .map(({ local, prefixlen }) => ({ dev: ifname, address: local, prefix: prefixlen })),
  )
  const routes = [...four, ...six].flatMap(({ dst, dev = '' }) =>
    dst === 'default' ? [] : [{ range: toRange(dst), dev }],
  )
  return {
    listeners,
    addresses,
    routes,
    sysctls,
    dropsForeignRoutes: dropsRoutes,
    ownAddress: readOwnAddress()?.address,
  }
}

/** `ip` leaves the prefix of a single address out. */
const toRange = (dst: string) => (dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`)

async function readMachine(): Promise<
  Pick<HostFacts, 'clock' | 'swapBytes' | 'memoryBytes' | 'cpus' | 'diskFreeBytes'>
> {
  const [meminfo, disk, clock] = await Promise.all([
    readFile('/proc/meminfo', 'utf8'),
    statfs('/var/lib'),
    // Without systemd, or its bus, it fails; then nothing is known of the clock.
    run('timedatectl', ['show', '--property=NTPSynchronized', '--value']).catch(() => ''),
  ])
  return {
    clock: { nowMs: Date.now(), isSynchronised: clock.trim() === '' ? undefined : clock.trim() === 'yes' },
    swapBytes: 1024 * Number(/^SwapTotal:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0),
    memoryBytes: totalmem(),
    cpus: availableParallelism(),
    diskFreeBytes: disk.bavail * disk.bsize,
  }
}

/** v2 has a file of that name at its root; v1 a directory for each controller. */
async function readCgroups(): Promise<HostFacts['cgroups']> {
  const mountPoint = '/sys/fs/cgroup'
  const ofV2 = join(mountPoint, 'cgroup.controllers')
  if (existsSync(ofV2)) return { version: 2, controllers: (await readFile(ofV2, 'utf8')).trim().split(' ') }
  const directories = existsSync(mountPoint) ? (await readdir(mountPoint)).flatMap((name) => name.split(',')) : []
  return { version: directories.includes('memory') ? 1 : undefined, controllers: directories }
}
