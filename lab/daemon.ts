// Daemons of the lab: started under supervise.sh, found again by their pid files and cgroups.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensureDaemonCgroup, listProcesses } from './cgroup.ts'
import type { NodeLayout } from './layout.ts'

export interface Daemon {
  /** Names its pid file and log file. */
  name: string
  program: string
  args: string[]
  env?: Record<string, string>
}

/** Where the daemon's output goes. */
function logFileOf(node: NodeLayout, daemon: string): string {
  return join(node.dataDir, `${daemon}.log`)
}

/** Starts the daemon in the node's network namespace, unless it runs already. */
export function ensureDaemon(node: NodeLayout, { name, program, args, env = {} }: Daemon): void {
  if (daemonPid(node, name) !== undefined) return
  mkdirSync(node.runDir, { recursive: true })
  const logFile = logFileOf(node, name)
  mkdirSync(dirname(logFile), { recursive: true })
  const supervise = join(import.meta.dirname, 'supervise.sh')
  // nsenter, not `ip netns exec`, which would hide the cgroup mounts that dockerd needs.
  const command = ['nsenter', `--net=${node.netnsPath}`, program, ...args]
  const supervisor = spawn(supervise, [ensureDaemonCgroup(node.cgroup), pidFileOf(node, name), logFile, ...command], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, ...env },
  })
  supervisor.unref()
}

/** Pid of the running daemon itself (not of its supervisor), or undefined. */
export function daemonPid(node: NodeLayout, name: string): number | undefined {
  const file = pidFileOf(node, name)
  if (!existsSync(file)) return undefined
  const pid = Number(readFileSync(file, 'utf8'))
  return listProcesses(node.cgroup).includes(pid) ? pid : undefined
}

function pidFileOf(node: NodeLayout, name: string): string {
  return join(node.runDir, `${name}.pid`)
}
