// DNS questions a second, by one process on loopback, against one that only sends back what it gets.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { range } from '../support/figures.ts'

const load = join(import.meta.dirname, 'load')
const services = 10_000
const rounds = 5
const secondsPerRound = 2
const zone = 'default.svc.cluster.local'
const every = (step: number, from: number) =>
  Array.from({ length: 500 }, (_, index) => `s${from + index * step}.${zone}`)
const kinds = {
  'ClusterIP, one address': every(2, 0),
  'headless, ten addresses': every(2, 1),
  'no such name': every(1, services),
}

/** Prints one row for each kind of answer. */
export async function benchDns(): Promise<void> {
  const servers = { floor: await start(15_353, 'echo'), dns: await start(15_354, String(services)) }
  try {
    for (const [kind, names] of Object.entries(kinds)) {
      const [floor, dns]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        floor.push(await rate(15_353, names))
        dns.push(await rate(15_354, names))
      }
      console.log(`${kind.padEnd(24)} floor ${range(floor, '/s')}`)
      console.log(`${kind.padEnd(24)} dns   ${range(dns, '/s')}`)
      console.log(
        `${kind.padEnd(24)} ratio ${range(
          dns.map((value, index) => value / (floor[index] ?? Number.NaN)),
          '',
          2,
        )}`,
      )
    }
  } finally {
    for (const server of Object.values(servers)) server.kill()
  }
}

async function start(port: number, kind: string): Promise<ChildProcess> {
  const server = spawn(process.execPath, [join(load, 'dns-server.ts'), String(port), kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [first] = await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])
  if (!Buffer.isBuffer(first)) throw new Error(`the server "${kind}" ended at once`)
  return server
}

async function rate(port: number, names: readonly string[]): Promise<number> {
  const words = [join(load, 'dns-client.ts'), String(port), String(secondsPerRound), ...names]
  return Number(await run(process.execPath, words))
}
