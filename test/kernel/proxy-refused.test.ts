// A Service that nft or iptables-restore refuses holds back no other, and takes nothing from those that are served.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBackend, type ProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import { ServiceWriter } from '../../agent/proxy/service-writer.ts'
import { makeEndpoint, makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { clusterCidrs, serviceCidrs } from '../packets/topology.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

let network: TestNetwork
let node: Host

beforeAll(async () => {
  network = await TestNetwork.create('refused')
  node = await network.addHost('node')
})
afterAll(() => network?.close())

const service = (name: string, endpoint: string, externalIps: string[] = []) => {
  const clusterIp = `10.96.0.${name.charCodeAt(0)}`
  const port = makeServicePort({ id: `default/${name}`, clusterIp, externalIps, cluster: [makeEndpoint(endpoint)] })
  return [`default/${name}`, [port]] as const
}

describe.each(['iptables', 'nftables'] satisfies ProxyMode[])('%s', (mode) => {
  afterAll(() => removeOtherModes(undefined, node))

  test('a refused Service is served as before, and all others are written', async () => {
    const backend = createBackend(mode, { clusterCidrs, serviceCidrs, netns: node.netns })
    const writer = new ServiceWriter(backend)
    await writer.write(new Map([service('a', '10.244.1.10'), service('b', '10.244.1.11')]))
    const { written, refused } = await writer.write(
      new Map([
        service('a', '10.244.1.20', ['198.51.100.300']),
        service('b', '10.244.1.21'),
        service('c', '10.244.1.22'),
      ]),
    )
    expect([...written.keys()].sort()).toEqual(['default/b', 'default/c'])
    expect([...refused.keys()]).toEqual(['default/a'])
    const rules = await run('nft', ['list', 'ruleset'], node)
    const served = ['10', '11', '20', '21', '22'].filter((host) => rules.includes(`10.244.1.${host}`))
    expect(served).toEqual(['10', '21', '22'])
    expect(await backend.verify()).toEqual([])
  })
})
