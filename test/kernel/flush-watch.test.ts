// Somebody flushes all rules of a node, as a firewall's reload does.

import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const root = join(import.meta.dirname, '../..')
let net: TestNetwork | undefined
let host: Host

beforeAll(async () => {
  net = await TestNetwork.create('flush')
  host = await net.addHost('host')
})
afterAll(async () => await net?.close())

/** Runs a program in the host that may make and flush the chain, and returns what it prints. */
async function ask(statements: string): Promise<string> {
  const source = `
    import { execFileSync } from 'node:child_process'
    import { setTimeout as pause } from 'node:timers/promises'
    import { watchFlushes } from '${root}/agent/network/flush-watch.ts'
    import { forwardChain } from '${root}/agent/network/node-rules.ts'
    import { enableNetlink } from '${root}/cni/linux/netlink.ts'
    import { hasChain } from '${root}/cni/linux/nft-netlink.ts'
    enableNetlink()
    const make = () => execFileSync('iptables', ['-N', 'FAIRLEAD-FORWARD'])
    const flush = () => execFileSync('nft', ['flush', 'ruleset'])
    const chain = forwardChain('10.244.0.0/16')
    ${statements}`
  return (await run(process.execPath, ['--input-type=module', '-e', source], host)).trim()
}

test('a chain of iptables is there from when it is made until all rules are flushed', async () => {
  const looks =
    'const looks = [hasChain(chain)]; make(); looks.push(hasChain(chain)); flush(); looks.push(hasChain(chain))'
  expect(await ask(`${looks}; console.log(looks.join())`)).toBe('false,true,false')
})

test('a flush is told until the chain is there again; that it was never there is not', async () => {
  const program = `
    const stop = new AbortController()
    const told = []
    const onFlush = () => {
      told.push('flushed')
      if (told.length !== 2) make()
    }
    const watching = watchFlushes(chain, { onFlush, onError: (error) => told.push(String(error)) }, stop.signal)
    await pause(5_000)
    told.push('made')
    make()
    for (const count of [2, 4]) {
      while (!hasChain(chain)) await pause(50)
      await pause(4_500)
      flush()
      while (told.length < count || !hasChain(chain)) await pause(50)
    }
    stop.abort()
    await watching
    console.log(told.join())`
  expect(await ask(program)).toBe('made,flushed,flushed,flushed')
})
