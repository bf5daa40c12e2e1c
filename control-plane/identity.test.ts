import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { namesIn } from '../api/credentials/credential-files.ts'
import { Identity } from './identity.ts'
import { makeProgram, type ServeFlags } from './options.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'fl-identity-'))
afterAll(() => rmSync(dataDir, { recursive: true }))

async function startAt(advertiseAddress: string, ...flags: string[]) {
  const given = Promise.withResolvers<ServeFlags>()
  const program = makeProgram({ serve: async (parsed) => given.resolve(parsed), issueNode: async () => {} })
  await program.parseAsync(['serve', '--data-dir', dataDir, ...flags], { from: 'user' })
  const { pki, serverUrl } = await Identity.make({ ...(await given.promise), advertiseAddress })
  const kubeconfig = readFileSync(pki.adminKubeconfig, 'utf8')
  return { names: namesIn(new X509Certificate(pki.server.cert)), serverUrl, kubeconfig, caCert: pki.caCert }
}

test('a control plane that has moved is its new address, and no more the old one, by the same authority', async () => {
  const first = await startAt('192.0.2.1')
  const second = await startAt('192.0.2.2')
  expect(first.names).toContain('192.0.2.1')
  expect(second.names).toContain('192.0.2.2')
  expect(second.names).not.toContain('192.0.2.1')
  expect(second.kubeconfig).toContain('https://192.0.2.2:6443')
  expect(second.caCert).toBe(first.caCert)
})

test('one with names is known by the first of them, and answers to all and to its address', async () => {
  const flags = ['--server-name', 'a.example.com', '--server-name', 'b.example.com', '--port', '7443']
  const { names, serverUrl, kubeconfig } = await startAt('2001:db8::1', ...flags)
  expect(names).toEqual(expect.arrayContaining(['a.example.com', 'b.example.com', '2001:db8::1', '127.0.0.1']))
  expect(serverUrl).toBe('https://a.example.com:7443')
  expect(kubeconfig).toContain(serverUrl)
  expect((await startAt('2001:db8::1')).serverUrl).toBe('https://[2001:db8::1]:6443')
})
