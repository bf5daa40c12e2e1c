// What is written into sets by netlink is what nft would have written.

import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const cni = join(import.meta.dirname, '../../cni')
const ports = [
  { link: 'veth0123456789a', addresses: ['10.77.0.9', 'fd00:77::9'], comment: 'pod default/we"b' },
  { link: 'veth1', addresses: ['10.77.0.10'], comment: 'pod default/other' },
]
let net: TestNetwork | undefined
let host: Host

beforeAll(async () => {
  net = await TestNetwork.create('nftnl')
  host = await net.addHost('host')
})
afterAll(async () => await net?.close())

/** Runs statements of a program with the functions of the source check, in the host. */
async function act(statements: string): Promise<void> {
  const source = `
    import { forgetPorts, restrictPort } from '${cni}/bridge/source-check.ts'
    import { enableNetlink, hasNetlink } from '${cni}/linux/netlink.ts'
    const ports = ${JSON.stringify(ports)}
    ${statements}`
  await run(process.execPath, ['--input-type=module', '-e', source], host)
}

const addAll = `for (const port of ports) await restrictPort('cbr0', port)`
const byNetlink = `enableNetlink(); if (!hasNetlink()) throw new Error('no netlink in this Node')`
const read = () => run('nft', ['list', 'table', 'bridge', 'fairlead-cbr0'], host)

test('the same elements, with the same comments, and none when they are forgotten', async () => {
  await act(addAll)
  const written = await read()
  await act(`await forgetPorts('cbr0', ports)`)
  const empty = await read()
  expect(empty).not.toMatch('veth')
  await act(`${byNetlink}; ${addAll}; ${addAll}`)
  expect(await read()).toBe(written)
  await act(`${byNetlink}; await forgetPorts('cbr0', ports); await forgetPorts('cbr0', ports)`)
  expect(await read()).toBe(empty)
})

test('a table that is gone is made again, and forgetting in none is no error', async () => {
  await run('nft', ['delete', 'table', 'bridge', 'fairlead-cbr0'], host)
  await act(`${byNetlink}; await forgetPorts('cbr0', ports); ${addAll}`)
  expect(await read()).toMatch('"veth1" . 10.77.0.10 comment "pod default/other"')
})

test('more ports than one message takes are forgotten too', async () => {
  const many = `const many = Array.from({ length: 300 }, (_, at) => ({ link: 'v' + at, addresses: ['10.78.1.' + (at % 256), 'fd00::' + at], comment: 'pod' }))`
  await act(`${byNetlink}; ${many}; for (const port of many) await restrictPort('cbr0', port)`)
  expect(await read()).toMatch('"v299"')
  await act(`${byNetlink}; ${many}; await forgetPorts('cbr0', many)`)
  expect(await read()).not.toMatch(/"v\d/)
})
