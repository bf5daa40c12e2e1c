// Sees what is written to the kernel: programs that change it are found first as scripts that note how they were called.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Not below /run, where nothing can be started.
const folder = '/opt/fl-write-watch'
const log = join(folder, 'calls')
const programs = ['ip', 'ipset', 'ipvsadm', 'iptables-restore', 'ip6tables-restore', 'nft', 'sysctl', 'conntrack']

/** How each program is called when it only reads. */
const reading = /^(ip -details -json|ipset save|ipvsadm -Ln|ipvsadm -Sn|nft .*list|sysctl -e|conntrack -L)/

/** Puts the scripts before the programs of this process, and of those that it starts. */
export function watchWrites(): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const path = process.env.PATH ?? ''
  for (const program of programs) {
    const script = `#!/bin/sh\necho "${program} $*" >> ${log}\nPATH=${path} exec ${program} "$@"\n`
    writeFileSync(join(folder, program), script, { mode: 0o755 })
  }
  process.env.PATH = `${folder}:${path}`
}

/** Calls since the last asking, those that change the kernel. */
export function takeWrites(): string[] {
  const calls = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  rmSync(log, { force: true })
  return calls.filter((call) => !reading.test(call))
}
