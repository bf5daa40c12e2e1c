// How a host becomes a node, over a real port: discovery, token, settings, certificates; and what a token does not open.

import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { HttpClient } from '../../api/client/http-client.ts'
import { bootstrapSecretName, makeBootstrapSecret, makeBootstrapToken } from '../../api/client/join/bootstrap-token.ts'
import {
  type CertificateOptions,
  clientSigner,
  requestCertificate,
  servingSigner,
} from '../../api/client/join/certificate-request.ts'
import { makeClusterInfo } from '../../api/client/join/cluster-info.ts'
import { readClusterSettings } from '../../api/client/join/cluster-settings.ts'
import { discoverCluster, hashOfAuthority } from '../../api/client/join/discovery.ts'
import { namesIn } from '../../api/credentials/credential-files.ts'
import type { ConfigMap } from '../../api/generated/types.ts'
import { isForbidden, isNotFound } from '../../api/objects/status-error.ts'
import { certificateSigningRequests } from '../../api/resources/certificate-signing-requests.ts'
import { clusterRoleBindings } from '../../api/resources/cluster-role-bindings.ts'
import { configMaps } from '../../api/resources/config-maps.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { issueCertificate, makeAuthority } from '../../control-plane/pki/certificates.ts'
import { clusterSettings, startControlPlane, type TestControlPlane } from '../support/start-control-plane.ts'

let cluster: TestControlPlane
beforeAll(async () => {
  cluster = await startControlPlane()
  await vi.waitFor(() => discoverCluster(cluster.host, hashOfAuthority(cluster.pki.caCert)), { timeout: 10_000 })
})
afterAll(async () => await cluster?.close())

const asToken = async () => cluster.connect({ token: (await cluster.createToken()).token })

const asked = (node: string, options: Partial<CertificateOptions> = {}): CertificateOptions => ({
  signerName: clientSigner,
  commonName: `system:node:${node}`,
  organizations: ['system:nodes'],
  usages: ['digital signature', 'client auth'],
  timeoutMs: 20_000,
  ...options,
})

const serving = (node: string, names: string[]) =>
  asked(node, { signerName: servingSigner, usages: ['digital signature', 'server auth'], names })

async function join(node: string): Promise<HttpClient> {
  const { certPem, keyPem } = await requestCertificate(await asToken(), asked(node))
  return cluster.connect({ cert: certPem, key: keyPem })
}

async function registerNode(name: string, ready: 'True' | 'Unknown', address = '192.0.2.77') {
  await cluster.admin.create(nodes, { metadata: { name } })
  const conditions = [{ type: 'Ready', status: ready, reason: 'Test' }]
  const status = { conditions, addresses: [{ type: 'InternalIP', address }] }
  await cluster.admin.patch(nodes, { name }, 'application/merge-patch+json', { status }, { subresource: 'status' })
}

test('a host with a token and the hash becomes a node: settings, a client and a serving certificate', async () => {
  const { token } = await cluster.createToken()
  const { caCert, serverUrl } = await discoverCluster(cluster.host, hashOfAuthority(cluster.pki.caCert))
  expect([caCert, serverUrl]).toEqual([cluster.pki.caCert, cluster.url])
  const host = cluster.connect({ server: serverUrl, ca: caCert, token })
  expect(await readClusterSettings(host)).toEqual(clusterSettings)
  const { certPem, keyPem } = await requestCertificate(host, asked('n-1'))
  const certificate = new X509Certificate(certPem)
  expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n-1')
  expect(certificate.verify(new X509Certificate(caCert).publicKey)).toBe(true)
  const agent = cluster.connect({ cert: certPem, key: keyPem })
  expect((await agent.create(nodes, { metadata: { name: 'n-1' } })).metadata.name).toBe('n-1')
  const server = new X509Certificate((await requestCertificate(agent, serving('n-1', ['n-1', '192.0.2.11']))).certPem)
  expect([namesIn(server), server.keyUsage]).toEqual([['192.0.2.11', 'n-1'], ['1.3.6.1.5.5.7.3.1']])
})

test('a certificate lasts as long as was asked', async () => {
  const { certPem } = await requestCertificate(await asToken(), asked('n-short', { expirationSeconds: 900 }))
  const leftMs = new X509Certificate(certPem).validToDate.getTime() - Date.now()
  expect(Math.round(leftMs / 60_000)).toBe(15)
})

test('a token opens nothing else', async () => {
  const host = await asToken()
  const refused = [
    host.get(configMaps, { namespace: 'kube-system', name: 'other' }),
    host.list(configMaps, { namespace: 'kube-system' }),
    host.list(secrets),
    host.get(nodes, { name: 'n-1' }),
    host.list(pods),
    host.list(certificateSigningRequests),
    host.create(nodes, { metadata: { name: 'mine' } }),
    host.create(secrets, makeBootstrapSecret(makeBootstrapToken())),
  ]
  for (const result of await Promise.allSettled(refused))
    expect(result).toMatchObject({ status: 'rejected', reason: { status: { code: 403 } } })
})

test('a token gets no certificate of another kind', async () => {
  const host = await asToken()
  await expect(requestCertificate(host, serving('n-9', ['n-9']))).rejects.toThrow('a bootstrap token can only request')
  const admin = asked('n-9', { commonName: 'root', organizations: ['system:masters'] })
  await expect(requestCertificate(host, admin)).rejects.toThrow('the organization must be system:nodes alone')
})

test.each(['kubernetes.default.svc', '127.0.0.1', 'localhost'])('no node is called %s', async (name) => {
  await expect(requestCertificate(await asToken(), asked(name))).rejects.toThrow('a name of the API server')
})

test('anonymous reads cluster-info, and no other ConfigMap', async () => {
  const anybody = cluster.connect()
  const namespace = 'kube-public'
  expect((await anybody.get(configMaps, { namespace, name: 'cluster-info' })).data).toHaveProperty('kubeconfig')
  for (const name of ['kube-root-ca.crt', 'other'])
    await expect(anybody.get(configMaps, { namespace, name })).rejects.toSatisfy(isForbidden)
  await expect(anybody.list(configMaps, { namespace })).rejects.toSatisfy(isForbidden)
})

test('what joining hosts read is made again when somebody deletes or changes it', async () => {
  const [info, settings] = [
    { namespace: 'kube-public', name: 'cluster-info' },
    { namespace: 'kube-system', name: 'fairlead-config' },
  ]
  await cluster.admin.delete(configMaps, info)
  const change = { data: { network: 'other', note: 'kept' } }
  await cluster.admin.patch(configMaps, settings, 'application/merge-patch+json', change)
  const hash = hashOfAuthority(cluster.pki.caCert)
  await vi.waitFor(() => discoverCluster(cluster.host, hash), { timeout: 10_000 })
  const data = async () => (await cluster.admin.get(configMaps, settings)).data
  await vi.waitFor(async () => expect(await data()).toEqual({ ...clusterSettings, note: 'kept' }), { timeout: 10_000 })
})

test.each<[string, () => Promise<string>]>([
  ['has another secret', async () => `${(await cluster.createToken()).id}.aaaaaaaaaaaaaaaa`],
  ['was never made', async () => makeBootstrapToken().token],
  ['is malformed', async () => 'ABCDEF.0123456789abcdef'],
  ['has expired', async () => (await cluster.createToken({ expires: new Date(Date.now() - 2_000) })).token],
])('a token that %s is refused with 401', async (_, makeToken) => {
  const host = cluster.connect({ token: await makeToken() })
  await expect(readClusterSettings(host)).rejects.toMatchObject({ status: { code: 401 } })
})

test('a token ends while it is used, and its Secret goes', async () => {
  const { id, token } = await cluster.createToken({ expires: new Date(Date.now() + 3_600_000) })
  const host = cluster.connect({ token })
  expect(await readClusterSettings(host)).toEqual(clusterSettings)
  const name = { namespace: 'kube-system', name: bootstrapSecretName(id) }
  const expiration = Buffer.from(new Date(Date.now() + 1_000).toISOString()).toString('base64')
  await cluster.admin.patch(secrets, name, 'application/merge-patch+json', { data: { expiration } })
  await vi.waitFor(() => expect(readClusterSettings(host)).rejects.toThrow('Unauthorized'), { timeout: 8_000 })
  await vi.waitFor(() => expect(cluster.admin.get(secrets, name)).rejects.toSatisfy(isNotFound), { timeout: 5_000 })
})

test('a token that is not for this, or whose groups are those of others, is refused', async () => {
  const changes: Record<string, string>[] = [
    { 'usage-bootstrap-authentication': 'false' },
    { 'auth-extra-groups': 'system:masters' },
  ]
  for (const change of changes) {
    const token = makeBootstrapToken()
    const secret = makeBootstrapSecret(token)
    await cluster.admin.create(secrets, { ...secret, stringData: { ...secret.stringData, ...change } })
    await expect(readClusterSettings(cluster.connect({ token: token.token }))).rejects.toThrow('Unauthorized')
  }
})

test('a node that is Ready is not taken over by another host, until it is deleted', async () => {
  await registerNode('n-taken', 'True')
  const refused = requestCertificate(await asToken(), asked('n-taken'))
  await expect(refused).rejects.toThrow('node "n-taken" exists and is Ready: give this host another name')
  await cluster.admin.delete(nodes, { name: 'n-taken' })
  await join('n-taken')
})

test('of two hosts that join under one name at once, one becomes the node', async () => {
  const outcomes = await Promise.allSettled([join('n-twice'), join('n-twice')])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
  expect(reasons[0]).toMatch(/node "n-twice" was given to another host \d+ s ago: give this host another name/)
})

test('a node that is silent is taken over only while it has nothing', async () => {
  await registerNode('n-silent', 'Unknown')
  await join('n-silent')
  const spec = { nodeName: 'n-silent', containers: [{ name: 'a', image: 'a' }] }
  const created = () => cluster.admin.create(pods, { metadata: { name: 'p', namespace: 'default' }, spec })
  await vi.waitFor(created, { timeout: 5_000 }) // the namespace's service account comes a moment later
  await expect(join('n-silent')).rejects.toThrow('node "n-silent" exists and has 1 pods')
})

test('a node gets no serving certificate for what is not its own', async () => {
  const agent = await join('n-2')
  await registerNode('n-3', 'True', '192.0.2.33')
  const ask = (names: string[]) => requestCertificate(agent, serving('n-2', names))
  await expect(ask(['n-2', 'n-3'])).rejects.toThrow('DNS name "n-3": node "n-2" may be called by its own name alone')
  await expect(ask(['192.0.2.33'])).rejects.toThrow('is that of node "n-3"; if that node is gone, delete it')
  await expect(ask(['127.0.0.1'])).rejects.toThrow('address 127.0.0.1')
  await expect(ask(['10.96.0.1'])).rejects.toThrow("is the API server's")
  await expect(ask(['10.96.7.7'])).rejects.toThrow('in a range of Services or pods')
})

test('an administrator who takes the right away approves every host by hand', async () => {
  const name = 'system:certificates.k8s.io:certificatesigningrequests:nodeclient'
  const binding = await cluster.admin.get(clusterRoleBindings, { name })
  const node = await join('n-old')
  await cluster.admin.update(clusterRoleBindings, { ...binding, subjects: [] })
  try {
    const { id, token } = await cluster.createToken()
    const [{ certPem }] = await Promise.all([
      requestCertificate(cluster.connect({ token }), asked('n-by-hand')),
      approveByHand(`system:bootstrap:${id}`, node),
    ])
    expect(new X509Certificate(certPem).subject).toContain('CN=system:node:n-by-hand')
  } finally {
    await cluster.admin.patch(clusterRoleBindings, { name }, 'application/merge-patch+json', {
      subjects: binding.subjects,
    })
  }
})

/** Approves this user's request, which nobody else did. */
async function approveByHand(username: string, node: HttpClient): Promise<void> {
  const find = async () => {
    const { items } = await cluster.admin.list(certificateSigningRequests)
    const found = items.find(({ spec }) => spec.username === username)
    if (found === undefined) throw new Error('not there yet')
    return found.metadata
  }
  const { name } = await vi.waitFor(find, { timeout: 10_000 })
  // A later one has been approved and signed: so the approver has looked at this one, too.
  await requestCertificate(node, asked('n-old'))
  const request = await cluster.admin.get(certificateSigningRequests, { name })
  expect(request.status?.conditions ?? []).toEqual([])
  const conditions = [{ type: 'Approved', status: 'True', reason: 'ByHand', message: 'I know this host' }]
  await cluster.admin.update(
    certificateSigningRequests,
    { ...request, status: { conditions } },
    { subresource: 'approval' },
  )
}

test('what nobody approves ends with the name of the request', async () => {
  const asking = requestCertificate(
    cluster.connect(cluster.pair('admin')),
    asked('n-4', {
      commonName: 'carol',
      organizations: [],
      timeoutMs: 500,
      signerName: 'kubernetes.io/kube-apiserver-client',
    }),
  )
  await expect(asking).rejects.toThrow(/CertificateSigningRequest node-csr-\w+: nobody signed it within 0.5 s/)
})

test('the hash of another authority is refused, with the hash that was found', async () => {
  const wrong = `sha256:${'0'.repeat(64)}`
  const found = hashOfAuthority(cluster.pki.caCert)
  await expect(discoverCluster(cluster.host, wrong)).rejects.toThrow(`has the hash ${found}, not ${wrong}`)
  await expect(discoverCluster(cluster.host, 'sha256:12')).rejects.toThrow(
    'must be "sha256:" and 64 hexadecimal digits',
  )
})

/** A server with another authority's key that hands out this as cluster-info; discovers the cluster there by the true hash. */
async function discoverAt(pair: { cert: string; key: string }, clusterInfo: ConfigMap) {
  const server = createServer(pair, (_, response) => void response.end(JSON.stringify(clusterInfo)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    return await discoverCluster(`127.0.0.1:${port}`, hashOfAuthority(cluster.pki.caCert))
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('a server that has the authority but not its key is found out, also when it adds an authority of its own', async () => {
  const foreign = await makeAuthority('kubernetes')
  const pair = await issueCertificate(foreign, { commonName: 'kube-apiserver', usage: 'server', names: ['127.0.0.1'] })
  const { caCert } = cluster.pki
  for (const authorities of [caCert, caCert + foreign.cert])
    await expect(discoverAt(pair, makeClusterInfo(cluster.url, authorities))).rejects.toThrow(
      /cannot read .* certificate/,
    )
  const [other, none] = [foreign.cert + caCert, 'no certificate']
  await expect(discoverAt(pair, makeClusterInfo(cluster.url, other))).rejects.toThrow('has the hash')
  await expect(discoverAt(pair, makeClusterInfo(cluster.url, none))).rejects.toThrow(
    /cluster-info of 127.0.0.1:\d+ has no certificate in its certificate-authority-data/,
  )
  for (const kubeconfig of ['a: [', '*x'])
    await expect(discoverAt(pair, { data: { kubeconfig } })).rejects.toThrow(
      /cluster-info of 127.0.0.1:\d+ names no server and authority/,
    )
})

test('a dead server, and one of another kind, are told apart', async () => {
  const hash = hashOfAuthority(cluster.pki.caCert)
  await expect(discoverCluster('127.0.0.1:1', hash)).rejects.toThrow(
    'cannot read cluster-info from 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1; does the control plane run there?',
  )
  await expect(discoverCluster('127.0.0.1', hash)).rejects.toThrow('must be HOST:PORT')
  const other = createServer(cluster.pki.server, (_, response) => void response.writeHead(404).end('nothing here'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(other.address() as AddressInfo).port}`
  await expect(discoverCluster(host, hash)).rejects.toThrow(`${host} refuses: nothing here`)
  other.close()
  other.closeAllConnections()
})
