// The machine and its system: rights, systemd, name, clock, memory, disk, swap, and what is there already.

import { type Check, failed, ok, warning } from './check.ts'

const mebibyte = 2 ** 20
const gibibyte = 2 ** 30

/** Everything is done as root. */
export const checkRoot: Check = ({ isRoot }) =>
  isRoot ? [ok('rights', 'root')] : [failed('rights', 'not root', 'run it again with sudo')]

/** The programs are units. */
export const checkSystemd: Check = ({ hasSystemd }) =>
  hasSystemd
    ? [ok('systemd', 'runs')]
    : [
        failed(
          'systemd',
          'is not what started this host',
          'use a distribution with systemd; in containers see docs/lab.md',
        ),
      ]

/** A Node's name is a DNS subdomain: https://kubernetes.io/docs/concepts/architecture/nodes/#node-name-uniqueness */
export const checkName: Check = (_, { nodeName, isNode }) => {
  if (!isNode) return []
  const isName =
    nodeName.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(nodeName)
  if (!isName)
    return [
      failed(
        'name',
        `"${nodeName}" cannot be a node's name`,
        'lower-case letters, digits, dashes and dots: choose one with --node-name',
      ),
    ]
  if (nodeName === 'localhost' || nodeName.startsWith('localhost.'))
    return [
      failed(
        'name',
        `"${nodeName}" is what every host is called`,
        'hostnamectl set-hostname NAME, or --node-name NAME',
      ),
    ]
  return [ok('name', nodeName)]
}

/** Certificates and tokens have times in them. The year is the one in which this was written. */
export const checkClock: Check = ({ clock: { nowMs, isSynchronised } }) => {
  const now = new Date(nowMs)
  if (now.getUTCFullYear() < 2026)
    return [failed('clock', `says ${now.toISOString()}`, 'set it: timedatectl set-ntp true, or timedatectl set-time')]
  if (isSynchronised === false)
    return [
      warning(
        'clock',
        `${now.toISOString()}, not synchronised: with five minutes' difference certificates are refused`,
        'timedatectl set-ntp true (Debian: apt-get install systemd-timesyncd)',
      ),
    ]
  return [ok('clock', now.toISOString())]
}

/** Figures of docs/install.md. */
export const checkMemory: Check = ({ memoryBytes, cpus }, { isServer, isNode }) => {
  const neededMiB = (isServer ? 500 : 0) + (isNode ? 400 : 0)
  const found = `${Math.round(memoryBytes / mebibyte)} MiB, ${cpus} processor${cpus === 1 ? '' : 's'}`
  if (memoryBytes < neededMiB * mebibyte) return [failed('memory', found, `at least ${neededMiB} MiB without the pods`)]
  return memoryBytes < 2 * neededMiB * mebibyte
    ? [warning('memory', found, `little is left for pods: ${2 * neededMiB} MiB or more`)]
    : [ok('memory', found)]
}

/** Where images, volumes and the store are. */
export const checkDisk: Check = ({ diskFreeBytes }) => {
  const found = `${(diskFreeBytes / gibibyte).toFixed(1)} GiB free below /var/lib`
  if (diskFreeBytes < gibibyte) return [failed('disk', found, 'at least 1 GiB')]
  return diskFreeBytes < 5 * gibibyte
    ? [warning('disk', found, '5 GiB or more: images and logs grow')]
    : [ok('disk', found)]
}

/** Limits hold with swap too, as a container may use none beside its memory; what has no limit may be swapped out. */
export const checkSwap: Check = ({ swapBytes }, { isNode }) => {
  if (!isNode) return []
  return swapBytes === 0
    ? [ok('swap', 'none')]
    : [
        warning(
          'swap',
          `${Math.round(swapBytes / mebibyte)} MiB: pods without a memory limit may be swapped out and become slow`,
          'swapoff -a, and take it out of /etc/fstab',
        ),
      ]
}

/** What an earlier installation left. */
export const checkLeftovers: Check = ({ leftovers, unread }) => {
  if (leftovers.length > 0) return [failed('leftovers', leftovers.join(', '), '`fairlead reset` removes them')]
  if (unread.length === 0) return [ok('leftovers', 'none')]
  const found = `none; not looked at: ${unread.join(', ')}`
  return [warning('leftovers', found, 'nothing, if Fairlead has never been on this host; otherwise mend what fails')]
}
