import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAll } from './read-body.ts'
import { TlsTransport } from './tls-transport.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

async function makeCertificate(
  subject: string,
  issuer?: { certificate: x509.X509Certificate; keys: webcrypto.CryptoKeyPair },
) {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: algorithm,
    extensions:
      issuer === undefined
        ? [new x509.BasicConstraintsExtension(true)]
        : [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  })
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { keys, certificate, cert: certificate.toString('pem'), key: x509.PemConverter.encode(der, 'PRIVATE KEY') }
}

const ca = await makeCertificate('CN=ca')
const serving = await makeCertificate('CN=server', ca)
const alice = await makeCertificate('CN=alice', ca)
const bob = await makeCertificate('CN=bob', ca)
const server = createServer(
  { cert: serving.cert, key: serving.key, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
  (request, response) => {
    const socket = request.socket as TLSSocket
    response.end(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : 'anonymous')
  },
)
let url = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

async function ask(options: Partial<ConstructorParameters<typeof TlsTransport>[0]>): Promise<string> {
  const transport = new TlsTransport({ server: url, ...options })
  try {
    return await readAll((await transport.send({ method: 'GET', path: '/', headers: {} })).body)
  } finally {
    await transport.close()
  }
}

test('the client shows its certificate', async () => {
  expect(await ask({ ca: ca.cert, cert: alice.cert, key: alice.key })).toBe('alice')
})

test('a renewed certificate is shown from the next request on', async () => {
  const transport = new TlsTransport({ server: url, ca: ca.cert, cert: alice.cert, key: alice.key })
  const send = async () => await readAll((await transport.send({ method: 'GET', path: '/', headers: {} })).body)
  expect([await send(), await send()]).toEqual(['alice', 'alice'])
  transport.renew({ cert: bob.cert, key: bob.key })
  expect([await send(), await send()]).toEqual(['bob', 'bob'])
  await transport.close()
})

test('without a certificate the server does not know the client', async () => {
  expect(await ask({ ca: ca.cert })).toBe('anonymous')
})

test('a server whose certificate nobody vouches for is refused, unless that is wanted', async () => {
  await expect(ask({})).rejects.toThrow(/certificate/)
  expect(await ask({ insecure: true })).toBe('anonymous')
})

test('nobody listening is an error that names the address', async () => {
  await expect(ask({ server: 'https://127.0.0.1:1' })).rejects.toThrow('ECONNREFUSED 127.0.0.1:1')
})
