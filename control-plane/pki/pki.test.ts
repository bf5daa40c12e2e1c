import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { namesIn } from '../../api/credentials/credential-files.ts'
import { issueNode } from './node-credentials.ts'
import { ensurePki } from './pki.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-pki-'))
afterAll(() => rmSync(root, { recursive: true }))
let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(root, 'data-'))
})

const options = {
  serverNames: ['10.0.0.1'],
  serviceAddress: '10.96.0.1',
  clusterDomain: 'cluster.local',
  serverUrl: 'https://10.0.0.1:6443',
}
const pkiFile = (name: string) => join(dataDir, 'pki', name)

test('the server certificate names everything that clients call the API server, signed by the authority', async () => {
  const { caCert, server } = await ensurePki(dataDir, options)
  const certificate = new X509Certificate(server.cert)
  expect(namesIn(certificate)).toEqual(
    [
      '10.0.0.1',
      '10.96.0.1',
      '127.0.0.1',
      '::1',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
    ].sort(),
  )
  const authority = new X509Certificate(caCert)
  expect(certificate.verify(authority.publicKey)).toBe(true)
  expect(certificate.checkIssued(authority)).toBe(true)
  expect([authority.ca, certificate.ca]).toEqual([true, false])
})

test('the administrator is in group system:masters', async () => {
  await ensurePki(dataDir, options)
  const { subject } = new X509Certificate(readFileSync(pkiFile('admin.crt')))
  expect(subject).toBe('O=system:masters\nCN=kubernetes-admin')
})

test('a second start changes nothing', async () => {
  const first = await ensurePki(dataDir, options)
  expect(await ensurePki(dataDir, options)).toEqual(first)
})

test('no file can be read by others, and no temporary file stays', async () => {
  const { adminKubeconfig } = await ensurePki(dataDir, options)
  const files = readdirSync(join(dataDir, 'pki')).map(pkiFile)
  expect(files.filter((file) => file.endsWith('.new'))).toEqual([])
  for (const file of [...files, adminKubeconfig]) expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a new address makes a new server certificate and leaves the others', async () => {
  const first = await ensurePki(dataDir, options)
  const second = await ensurePki(dataDir, { ...options, serverNames: ['10.0.0.1', 'api.example'] })
  expect(namesIn(new X509Certificate(second.server.cert))).toContain('api.example')
  expect(second.caCert).toBe(first.caCert)
  expect(second.agentClient).toEqual(first.agentClient)
})

test('an address that is written in another form makes no new certificate', async () => {
  const first = await ensurePki(dataDir, { ...options, serverNames: ['FD00::1'], serviceAddress: 'fd00:10::0:1' })
  expect(await ensurePki(dataDir, { ...options, serverNames: ['fd00:0::1'], serviceAddress: 'fd00:10::1' })).toEqual({
    ...first,
    serverNames: expect.anything(),
  })
})

test('the API server is called by the name that its Service has in DNS', async () => {
  const { server } = await ensurePki(dataDir, { ...options, clusterDomain: 'lan' })
  const names = namesIn(new X509Certificate(server.cert))
  expect(names.filter((name) => name.startsWith('kubernetes.default.svc.'))).toEqual(['kubernetes.default.svc.lan'])
})

test('a certificate that ends within 30 days is made again', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 340 * 24 * 60 * 60 * 1000 })
  const first = await ensurePki(dataDir, options)
  vi.useRealTimers()
  const second = await ensurePki(dataDir, options)
  expect(second.server).not.toEqual(first.server)
  expect(second.agentClient).not.toEqual(first.agentClient)
  expect(second.caCert).toBe(first.caCert)
})

test('what a crash left half is completed', async () => {
  const first = await ensurePki(dataDir, options)
  rmSync(pkiFile('server.crt'))
  truncateSync(pkiFile('admin.crt'), 100)
  const second = await ensurePki(dataDir, options)
  expect(second.caCert).toBe(first.caCert)
  expect(second.server).not.toEqual(first.server)
  expect(new X509Certificate(readFileSync(pkiFile('admin.crt'))).subject).toContain('system:masters')
})

test('an authority whose certificate was not yet written is made again', async () => {
  const other = await ensurePki(mkdtempSync(join(root, 'data-')), options)
  await ensurePki(dataDir, options)
  for (const file of readdirSync(join(dataDir, 'pki'))) if (file !== 'ca.key') rmSync(pkiFile(file))
  expect((await ensurePki(dataDir, options)).caCert).not.toBe(other.caCert)
})

test('an authority that was damaged later is not replaced: the nodes trust it', async () => {
  await ensurePki(dataDir, options)
  writeFileSync(pkiFile('ca.key'), 'nonsense')
  await expect(ensurePki(dataDir, options)).rejects.toThrow('do not belong together')
})

test('a node gets a kubeconfig and a serving certificate of its own', async () => {
  const { caCert } = await ensurePki(dataDir, options)
  const outDir = join(dataDir, 'node')
  const request = { dataDir, name: 'node-1', addresses: ['10.0.0.11'], serverUrl: options.serverUrl, outDir }
  await issueNode(request)
  const client = new X509Certificate(readFileSync(join(outDir, 'client.crt')))
  expect(client.subject).toBe('O=system:nodes\nCN=system:node:node-1')
  const server = new X509Certificate(readFileSync(join(outDir, 'server.crt')))
  expect(namesIn(server)).toEqual(['10.0.0.11', 'node-1'])
  expect(server.verify(new X509Certificate(caCert).publicKey)).toBe(true)
  const kubeconfig = readFileSync(join(outDir, 'kubeconfig'), 'utf8')
  await issueNode(request)
  expect(readFileSync(join(outDir, 'kubeconfig'), 'utf8')).toBe(kubeconfig)
})

test('a node cannot be issued anything before the control plane was started', async () => {
  const request = { dataDir, name: 'n', addresses: [], serverUrl: options.serverUrl, outDir: join(dataDir, 'node') }
  await expect(issueNode(request)).rejects.toThrow('start the control plane on this data dir first')
})
