import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { HttpsServer } from './api-server/serving/https-server.ts'
import { runCertificateRenewal } from './certificate-renewal.ts'
import { Identity } from './identity.ts'
import { makeProgram, type ServeFlags } from './options.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'fl-renewal-'))
afterAll(() => rmSync(dataDir, { recursive: true }))
let identity: Identity

/** Certificates of 340 days ago: of their year less than a month is left. */
beforeAll(async () => {
  const given = Promise.withResolvers<ServeFlags>()
  const program = makeProgram({ serve: async (parsed) => given.resolve(parsed), issueNode: async () => {} })
  await program.parseAsync(['serve', '--data-dir', dataDir], { from: 'user' })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 340 * 24 * 60 * 60 * 1000 })
  identity = await Identity.make({ ...(await given.promise), advertiseAddress: '192.0.2.1' })
  vi.useRealTimers()
})

async function shownBy(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: identity.pki.caCert })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('certificates are renewed while the server runs, also after an attempt that failed', async () => {
  const old = identity.pki
  const server = new HttpsServer({
    ...old.server,
    clientCa: old.caCert,
    authenticateToken: async () => undefined,
    handler: { handle: async () => ({ status: 200, headers: {}, body: '' }) },
    upgrades: { takes: () => false, upgrade: async () => {} },
    onError: console.error,
  })
  const { port } = await server.listen(0, '127.0.0.1')
  const errors: unknown[] = []
  const stop = new AbortController()
  // Without its key the authority can sign nothing.
  const key = join(dataDir, 'pki', 'ca.key')
  renameSync(key, `${key}.away`)
  const onServer = ({ cert, key }: typeof old.server) => server.renew(cert, key)
  const options = { identity, onServer, onError: (error: unknown) => errors.push(error), checkMs: 10, retryMs: 10 }
  const running = runCertificateRenewal(options, stop.signal)
  await vi.waitFor(() => expect(errors.length).toBeGreaterThan(0), { timeout: 10_000 })
  expect(await shownBy(port)).toBe(new X509Certificate(old.server.cert).fingerprint256)
  renameSync(`${key}.away`, key)
  await vi.waitFor(
    async () => expect(await shownBy(port)).not.toBe(new X509Certificate(old.server.cert).fingerprint256),
    {
      timeout: 10_000,
    },
  )
  stop.abort()
  await Promise.all([running, server.close(0)])
  expect(identity.pki.agentClient).not.toEqual(old.agentClient)
  expect(identity.pki.caCert).toBe(old.caCert)
  const admin = Buffer.from(readFileSync(join(dataDir, 'pki', 'admin.crt'))).toString('base64')
  expect(readFileSync(identity.pki.adminKubeconfig, 'utf8')).toContain(admin)
})
