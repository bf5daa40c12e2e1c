// What a change costs the kernel in the mode nftables, with a thousand Services there: heard from the kernel itself.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { NftablesBackend } from '../../agent/proxy/nftables/nftables-backend.ts'
import type { ServicePort } from '../../agent/proxy/table.ts'
import { makeEndpoint, makeServicePort } from '../../agent/proxy/test-ports.ts'
import { KernelMonitor } from '../support/kernel-monitor.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const services = 1_000
const changing = 500

let network: TestNetwork
let node: Host
let backend: NftablesBackend
let monitor: KernelMonitor

beforeAll(async () => {
  network = await TestNetwork.create('nftables')
  node = await network.addHost('node')
  backend = new NftablesBackend({ clusterCidrs: ['10.244.0.0/16'], serviceCidrs: ['10.96.0.0/16'], netns: node.netns })
  await backend.apply(
    new Map(Array.from({ length: services }, (_, index) => [`default/s${index}`, [makePort(index, [2, 3, 4])]])),
  )
  monitor = await KernelMonitor.start(node, 'nft')
})
afterAll(async () => {
  await monitor?.close()
  await network?.close()
})

const addressOf = (index: number) => `10.96.${index >> 8}.${index & 255}`

/** The index-th Service, with these hosts of its own network as endpoints. */
function makePort(index: number, hosts: readonly number[]): ServicePort {
  const cluster = hosts.map((host) => makeEndpoint(`10.244.${index & 255}.${host}`))
  return makeServicePort({ id: `default/s${index}:http`, clusterIp: addressOf(index), cluster })
}

/** What the kernel tells of while one Service gets these endpoints in place of those. */
async function hearChange(before: readonly number[], after: readonly number[]): Promise<string[]> {
  const serve = (hosts: readonly number[]) =>
    backend.apply(new Map([[`default/s${changing}`, [makePort(changing, hosts)]]]))
  await serve(before)
  await monitor.take()
  await serve(after)
  return await monitor.take()
}

const key = `${addressOf(changing)} . tcp . 80`
const words = (verb: string, map: string, element: string) => `${verb} element ip kube-proxy ${map} { ${element} }`
const name = `comment "default/s${changing}:http"`
const endpoint = (number: number, host: number) =>
  `${key} . 0:${number} ${name} : 10.244.${changing & 255}.${host} . 8080`

test('one endpoint in place of another is one element in place of another, and nothing else', async () => {
  expect(await hearChange([2, 3, 4], [2, 3, 5])).toEqual([
    words('delete', 'endpoints', endpoint(3, 4)),
    words('add', 'endpoints', endpoint(3, 5)),
  ])
})

test('one endpoint more is its element, the verdict of its door, and the first chain for as many', async () => {
  const heard = await hearChange([2, 3, 5], [2, 3, 5, 6])
  expect(heard.filter((line) => / element /.test(line))).toEqual([
    words('delete', 'service-ips', `${key} ${name} : goto internal-3`),
    words('add', 'service-ips', `${key} ${name} : goto internal-4`),
    words('add', 'endpoints', endpoint(4, 6)),
  ])
  const others = heard.filter((line) => !/ element /.test(line))
  expect(others.filter((line) => !line.includes('internal-4'))).toEqual([])
})

test('the same again is nothing', async () => {
  expect(await hearChange([2, 3, 5, 6], [2, 3, 5, 6])).toEqual([])
})
