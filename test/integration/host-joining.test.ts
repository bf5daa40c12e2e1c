// What `fairlead join` says when it is not let in, against a control plane on a real port. Nothing is written by what is tried here.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeBootstrapToken } from '../../api/client/join/bootstrap-token.ts'
import { hashOfAuthority } from '../../api/client/join/discovery.ts'
import { enterCluster } from '../../host/joining.ts'
import { clusterSettings, startControlPlane, type TestControlPlane } from '../support/start-control-plane.ts'

let cluster: TestControlPlane
beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  cluster = await startControlPlane()
  await vi.waitFor(async () => void (await enterCluster(await passOf())), { timeout: 15_000 })
})
afterAll(async () => await cluster?.close())

async function passOf() {
  const { token } = await cluster.createToken()
  return { server: cluster.host, token, caCertHash: hashOfAuthority(cluster.pki.caCert), nodeName: 'new' }
}

test('with the right token and hash the settings of the cluster come', async () => {
  const { settings, caCert } = await enterCluster(await passOf())
  expect([settings, caCert]).toEqual([clusterSettings, cluster.pki.caCert])
})

test('a wrong token is told how to get another', async () => {
  const pass = { ...(await passOf()), token: makeBootstrapToken().token }
  await expect(enterCluster(pass)).rejects.toThrow('fairlead token create --print-join-command')
})

test('text that is no token is refused before anybody is asked', async () => {
  const pass = { ...(await passOf()), server: '127.0.0.1:1', token: 'abc' }
  await expect(enterCluster(pass)).rejects.toThrow('--token: must be')
})

test('a server that does not answer is named', async () => {
  const pass = { ...(await passOf()), server: '127.0.0.1:1' }
  await expect(enterCluster(pass, { limitMs: 0 })).rejects.toThrow(
    'does the control plane run there?\nNothing was changed',
  )
})

test('a control plane that does not listen yet is waited for', async () => {
  const [host, port] = ['127.0.0.1', await freePort()]
  const entering = enterCluster({ ...(await passOf()), server: `${host}:${port}` })
  await vi.waitFor(() => expect(told()).toContain(`connect ECONNREFUSED ${host}:${port}`), { timeout: 10_000 })
  const relay = createServer((client) => {
    const server = connect(Number(new URL(cluster.url).port), host)
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => undefined) // the other end has hung up
  })
  relay.listen(port, host)
  expect((await entering).settings).toEqual(clusterSettings)
  relay.close()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const told = () => vi.mocked(process.stderr.write).mock.calls.flat().join('')
