import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeAuthority, signCertificate } from './certificates.ts'

const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])

test.each([
  // DER of the UTF-8 string "system:masters", in hexadecimal.
  ['#0c0e73797374656d3a6d617374657273', '\\#0c0e73797374656d3a6d617374657273'],
  ['"system:masters"', '\\"system:masters\\"'],
  ['system:\\masters', 'system:\\\\masters'],
  ['Mädchen', 'Mädchen'],
])('the group and the user of a certificate are the ones that were checked, as they stand: %s', async (name, shown) => {
  const authority = await makeAuthority('kubernetes')
  const pem = await signCertificate(authority, {
    commonName: name,
    organizations: [name],
    names: [],
    usages: ['client auth'],
    publicKey: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)),
    lifeSeconds: 3600,
  })
  expect(new X509Certificate(pem).subject).toBe(`O=${shown}\nCN=${shown}`)
})
