// What a pod's cable costs: ADD and DEL of `cbr`, as the agent calls it and as a program, against Debian's Go `bridge` with
// `host-local`; one after the other, and a hundred pods at once.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { median, range } from '../support/figures.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'
import type { CniTimes, CniWay } from './load/cni-caller.ts'

const ways: { way: CniWay; program: string }[] = [
  { way: 'bridge', program: '/usr/lib/cni/bridge' },
  { way: 'cbr program', program: join(import.meta.dirname, '..', '..', 'dist', 'cbr.js') },
  { way: 'cbr function', program: '' },
]
const rounds = 5
const inTurn = 20
const atOnce = 100

/** Prints one row for each way, command and number of pods. */
export async function benchCni(): Promise<void> {
  const net = await TestNetwork.create('cnib')
  const dataDir = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  try {
    const node = await net.addHost('node')
    const pods: string[] = []
    await step(`cni: ${atOnce} namespaces`, async () => {
      for (let index = 0; index < atOnce; index++) pods.push((await net.addHost(`p${index}`)).netns)
    })
    await compare('one after the other', (each) =>
      measureCni(node, each, { dataDir, pods: pods.slice(0, inTurn), atOnce: false }),
    )
    await compare(`${atOnce} at once`, (each) => measureCni(node, each, { dataDir, pods, atOnce: true }))
  } finally {
    rmSync(dataDir, { recursive: true })
    await net.close()
  }
}

/** Turn by turn, so that all ways see the same machine. */
async function compare(title: string, measureWay: (way: (typeof ways)[number]) => Promise<CniTimes>): Promise<void> {
  const times = new Map<CniWay, CniTimes[]>(ways.map(({ way }) => [way, []]))
  for (let round = 0; round < rounds; round++)
    for (const each of ways) times.get(each.way)?.push(await measureWay(each))
  const all = (way: CniWay, key: 'allAddMs' | 'allDelMs') => times.get(way)?.map((each) => each[key]) ?? []
  for (const { way } of ways) {
    const told = times.get(way) ?? []
    console.log(
      `cni ${title}: ${way.padEnd(12)} ADD ${range(
        told.flatMap(({ addMs }) => addMs),
        'ms',
        1,
      )}`,
    )
    console.log(
      `cni ${title}: ${way.padEnd(12)} DEL ${range(
        told.flatMap(({ delMs }) => delMs),
        'ms',
        1,
      )}`,
    )
    console.log(
      `cni ${title}: ${way.padEnd(12)} all ADDs ${range(all(way, 'allAddMs'), 'ms')}, all DELs ${range(all(way, 'allDelMs'), 'ms')}`,
    )
    for (const key of ['allAddMs', 'allDelMs'] as const)
      console.log(
        `cni ${title}: ${way.padEnd(12)} ${key === 'allAddMs' ? 'ADDs' : 'DELs'} ${(median(all('bridge', key)) / median(all(way, key))).toFixed(2)} times as fast as bridge`,
      )
  }
}

/** Attaches and detaches the pods once in this way, in the namespace that plays the node. */
export async function measureCni(
  node: Host,
  { way, program }: { way: CniWay; program: string },
  order: { dataDir: string; pods: string[]; atOnce: boolean },
): Promise<CniTimes> {
  const caller = join(import.meta.dirname, 'load', 'cni-caller.ts')
  const words = JSON.stringify({ way, program, ...order, dataDir: join(order.dataDir, way.replace(' ', '-')) })
  return JSON.parse(await run(process.execPath, [caller, words], node))
}
