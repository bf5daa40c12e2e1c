// Delays want queueing disciplines that small kernels lack: tc, nft and ip are played by a script here, which remembers what the
// link has. test/vm has real ones.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { FaultRequest } from '../../api/net/fault.ts'
import { Faults } from './faults.ts'

const byKernel = '[{"kind":"mq","handle":"0:","dev":"eth0","root":true}]'
const byHand = '[{"kind":"htb","handle":"1:","dev":"eth0","root":true}]'
const ours = '[{"kind":"prio","handle":"fa17:","dev":"eth0","root":true}]'
const request: FaultRequest = {
  id: 'f1',
  kind: 'delay',
  delayMs: 100,
  durationMs: 60_000,
  flows: [{ title: 'node-1 -> node-2', from: ['192.0.2.1'], to: ['192.0.2.2'] }],
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-faults-'))
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`)
  play('unshare', 'exit 0')
  play('ip', `echo '[{"dev":"eth0"}]'`)
  play(
    'tc',
    `case "$*" in *show*) cat ${folder}/qdisc; exit;; esac
     while read -r line; do
       case "$line" in "qdisc replace"*) echo '${ours}' >${folder}/qdisc;; "qdisc del"*) echo '${byKernel}' >${folder}/qdisc;; esac
     done`,
  )
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function play(program: string, script: string): void {
  const path = join(folder, program)
  writeFileSync(path, `#!/bin/bash\n${script}\n`)
  chmodSync(path, 0o755)
}

const link = (qdisc?: string): string => {
  if (qdisc !== undefined) writeFileSync(join(folder, 'qdisc'), qdisc)
  return readFileSync(join(folder, 'qdisc'), 'utf8').trim()
}

function makeFaults(): Faults {
  const onError = (error: unknown) => {
    throw error
  }
  return new Faults({ nodeName: 'node-1', runtime: { listSandboxes: async () => [] }, onError })
}

test('a delay takes the place of what the kernel gave the link, and gives it back', async () => {
  play('nft', 'exit 0')
  link(byKernel)
  const faults = makeFaults()
  await faults.begin(request)
  expect(link()).toBe(ours)
  await faults.heal('f1')
  expect(link()).toBe(byKernel)
})

test('a queueing discipline that somebody made is not replaced: nobody could make it again', async () => {
  play('nft', 'exit 0')
  link(byHand)
  await expect(makeFaults().begin(request)).rejects.toThrow('eth0 has a queueing discipline already (htb)')
  expect(link()).toBe(byHand)
})

test('when the rules are refused, the link delays nothing either', async () => {
  play('nft', 'exit 1')
  link(byKernel)
  await expect(makeFaults().begin(request)).rejects.toThrow('nft')
  expect(link()).toBe(byKernel)
})
