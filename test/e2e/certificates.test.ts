// Certificates by request, as an administrator works with them: an unmodified kubectl, and openssl for the key.

import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { HttpClient } from '../../api/client/http-client.ts'
import { makeBootstrapSecret, makeBootstrapToken } from '../../api/client/join/bootstrap-token.ts'
import { clientSigner, requestCertificate } from '../../api/client/join/certificate-request.ts'
import { readClusterSettings } from '../../api/client/join/cluster-settings.ts'
import { discoverCluster, hashOfAuthority } from '../../api/client/join/discovery.ts'
import { loadKubeconfig } from '../../api/client/kubeconfig.ts'
import { TlsTransport } from '../../api/client/tls-transport.ts'
import type { CertificateSigningRequest } from '../../api/generated/types.ts'
import { adminKubeconfig } from '../../lab/control-plane.ts'
import { apply, getJson, kubectl, lab, tryKubectl } from '../support/lab.ts'

const folder = mkdtempSync(join(tmpdir(), 'fl-csr-'))
const file = (name: string) => join(folder, name)
const names = ['e2e-jane', 'e2e-john']
const within = { timeout: 20_000, interval: 100 }

beforeAll(async () => await kubectl('delete', 'csr', '--ignore-not-found', ...names))
afterAll(async () => {
  await kubectl('delete', 'csr', '--ignore-not-found', ...names)
  rmSync(folder, { recursive: true })
})

async function ask(name: string): Promise<void> {
  const subject = ['-subj', '/O=e2e/CN=jane']
  await execa('openssl', [
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    file(`${name}.key`),
    ...subject,
    '-out',
    file(`${name}.csr`),
  ])
  await apply({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: readFileSync(file(`${name}.csr`)).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      expirationSeconds: 3600,
      usages: ['client auth', 'digital signature', 'key encipherment'],
    },
  })
}

test('kubectl certificate approve gives a certificate that opens the API server', async () => {
  await ask('e2e-jane')
  expect(await kubectl('get', 'csr', 'e2e-jane')).toMatch(
    /NAME\s+AGE\s+SIGNERNAME\s+REQUESTOR\s+REQUESTEDDURATION\s+CONDITION\ne2e-jane\s+\S+\s+kubernetes.io\/kube-apiserver-client\s+kubernetes-admin\s+60m\s+Pending/,
  )
  expect(await kubectl('certificate', 'approve', 'e2e-jane')).toContain('e2e-jane approved')
  await vi.waitFor(async () => expect(await kubectl('get', 'csr', 'e2e-jane')).toContain('Approved,Issued'), within)
  const { status } = await getJson<CertificateSigningRequest>('csr', 'e2e-jane')
  const pem = Buffer.from(status?.certificate ?? '', 'base64').toString()
  expect(new X509Certificate(pem).subject).toBe('O=e2e\nCN=jane')
  writeFileSync(file('jane.crt'), pem)
  const { server, ca = '' } = loadKubeconfig(adminKubeconfig(lab))
  writeFileSync(file('ca.crt'), ca)
  const jane = ['--kubeconfig=/dev/null', `--server=${server}`, `--certificate-authority=${file('ca.crt')}`]
  const pair = [`--client-certificate=${file('jane.crt')}`, `--client-key=${file('e2e-jane.key')}`]
  const { stdout } = await tryKubectl([...jane, ...pair, 'auth', 'whoami', '-o', 'json'])
  expect(JSON.parse(stdout).status.userInfo).toMatchObject({
    username: 'jane',
    groups: ['e2e', 'system:authenticated'],
  })
})

test('kubectl certificate deny ends a request, for good', async () => {
  await ask('e2e-john')
  expect(await kubectl('certificate', 'deny', 'e2e-john')).toContain('e2e-john denied')
  expect(await kubectl('get', 'csr', 'e2e-john', '--no-headers')).toContain('Denied')
  const { exitCode, stderr } = await tryKubectl(['certificate', 'approve', 'e2e-john'])
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('is already Denied')])
  expect(await kubectl('describe', 'csr', 'e2e-john')).toMatch(/Status:\s+Denied/)
})

test('a host with a token and the hash gets settings and a certificate; as a node that is there it gets none', async () => {
  const { server, ca = '' } = loadKubeconfig(adminKubeconfig(lab))
  const token = makeBootstrapToken()
  await apply(makeBootstrapSecret(token, { expires: new Date(Date.now() + 60_000) }))
  const found = await discoverCluster(new URL(server).host, hashOfAuthority(ca))
  expect(found.caCert).toBe(ca)
  const transport = new TlsTransport({ server: found.serverUrl, ca: found.caCert, token: token.token })
  const host = new HttpClient(transport)
  expect(await readClusterSettings(host)).toMatchObject({ clusterDomain: 'cluster.local', clusterDns: '10.96.0.10' })
  const asked = (node: string) =>
    requestCertificate(host, {
      signerName: clientSigner,
      commonName: `system:node:${node}`,
      organizations: ['system:nodes'],
      usages: ['client auth'],
      timeoutMs: 20_000,
    })
  expect(new X509Certificate((await asked('e2e-new')).certPem).subject).toContain('CN=system:node:e2e-new')
  await expect(asked('node-1')).rejects.toThrow('node "node-1" exists and is Ready')
  await transport.close()
})
