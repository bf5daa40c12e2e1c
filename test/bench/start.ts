// What it costs that everything is one file: its size, its start against its bare Node's, and a pod's cable by the CNI plugin as a
// program against Debian's Go `bridge` with `host-local`.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { step } from '../../host/progress.ts'
import { median, range } from '../support/figures.ts'
import { TestNetwork } from '../support/namespaces.ts'
import type { CniTimes } from './load/cni-caller.ts'
import { measureCni } from './net-cni.ts'

const root = join(import.meta.dirname, '..', '..')
const file = join(root, 'dist', 'fairlead')
const starts = 40
const rounds = 5
const podCount = 15

/** Builds the file when it is not of these sources, and prints its figures. */
export async function benchStart(): Promise<void> {
  await step('start: dist/fairlead', async () => start(process.execPath, [join(root, 'scripts/build-executable.ts')]))
  console.log(`start: ${(statSync(file).size / 1e6).toFixed(1)} MB, of which Node ${nodeSize()} MB`)
  compareStarts()
  await compareAttaching()
}

/** Node's part: what is in the file beside it is the programs. */
function nodeSize(): string {
  return (statSync(join(root, '.cache/executable', process.arch, 'node')).size / 1e6).toFixed(1)
}

/** Milliseconds from the start of a program to its end. Throws when it fails. */
function start(program: string, args: string[]): number {
  const startedMs = performance.now()
  const { status, stderr } = spawnSync(program, args)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return performance.now() - startedMs
}

function compareStarts(): void {
  const [bare, version, help]: [number[], number[], number[]] = [[], [], []]
  for (let turn = 0; turn < starts; turn++) {
    bare.push(start(process.execPath, ['-e', '0']))
    version.push(start(file, ['version']))
    help.push(start(file, ['get', '--help']))
  }
  console.log(`start: node -e 0         ${range(bare, 'ms', 1)}`)
  for (const [title, times] of [
    ['fairlead version', version],
    ['fairlead get -h', help],
  ] as const)
    console.log(
      `start: ${title.padEnd(17)} ${range(times, 'ms', 1)}, ${(median(times) / median(bare)).toFixed(2)} times node's`,
    )
}

async function compareAttaching(): Promise<void> {
  const net = await TestNetwork.create('startb')
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  try {
    symlinkSync(file, join(directory, 'cbr'))
    const node = await net.addHost('node')
    const pods: string[] = []
    for (let index = 0; index < podCount; index++) pods.push((await net.addHost(`p${index}`)).netns)
    const ways = [
      { title: "Go's bridge", way: 'bridge', program: '/usr/lib/cni/bridge', times: [] as CniTimes[] },
      { title: 'fairlead as cbr', way: 'cbr program', program: join(directory, 'cbr'), times: [] as CniTimes[] },
    ] as const
    for (let round = 0; round < rounds; round++)
      for (const each of ways) {
        const dataDir = join(directory, each.way.replace(' ', '-'))
        each.times.push(await measureCni(node, each, { dataDir, pods, atOnce: false }))
      }
    for (const { title, times } of ways)
      for (const [command, key] of [
        ['ADD', 'addMs'],
        ['DEL', 'delMs'],
      ] as const)
        console.log(
          `start: ${title.padEnd(17)} ${command} ${range(
            times.flatMap((each) => each[key]),
            'ms',
            1,
          )}`,
        )
  } finally {
    rmSync(directory, { recursive: true })
    await net.close()
  }
}
