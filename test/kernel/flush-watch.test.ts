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

test('each flush is told once, and that the chain was never there is not', async () => {
  const program = `
    const stop = new AbortController()
    let told = 0
    const watching = watchFlushes(chain, () => { told++; console.log('flushed') }, stop.signal)
    const until = async (count) => { while (told < count) await pause(50) }
    await pause(2_500)
    for (const count of [1, 2]) {
      make()
      await pause(2_500)
      flush()
      await until(count)
      await pause(2_500)
    }
    stop.abort()
    await watching`
  expect((await ask(program)).split('\n')).toEqual(['flushed', 'flushed'])
})
