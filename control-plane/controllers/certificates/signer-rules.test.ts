import { expect, test } from 'vitest'
import { isOurs, whyNotSigned } from './signer-rules.ts'

const client = 'kubernetes.io/kube-apiserver-client-kubelet'
const serving = 'kubernetes.io/kubelet-serving'
const user = 'kubernetes.io/kube-apiserver-client'
const agent = {
  commonName: 'system:node:n',
  organizations: ['system:nodes'],
  hasOtherFields: false,
  dnsNames: [],
  addresses: [],
  otherNames: [],
}
const [asClient, asServer] = [['client auth'], ['digital signature', 'server auth']]

test.each<[expected: string | undefined, signer: string, change: Partial<typeof agent> | object, usages: string[]]>([
  [undefined, client, {}, asClient],
  [undefined, serving, { dnsNames: ['n'] }, asServer],
  [undefined, user, { commonName: 'jane', organizations: ['devs'] }, [...asClient, 'key encipherment']],
  ['a server needs a DNS name or an address', serving, {}, asServer],
  ['a client has no DNS names and addresses', client, { addresses: ['192.0.2.1'] }, asClient],
  [
    'the organization must be system:nodes alone',
    client,
    { organizations: ['system:nodes', 'system:masters'] },
    asClient,
  ],
  ['the organization must be system:nodes alone', client, { organizations: [] }, asClient],
  ['the common name must be system:node:', client, { commonName: 'system:node:' }, asClient],
  ['system:masters is not given', user, { organizations: ['system:masters'] }, asClient],
  ['the common name is empty', user, { commonName: '' }, asClient],
  ['usage "server auth" is not one of', client, {}, [...asClient, 'server auth']],
  ['usages must include "server auth"', serving, { dnsNames: ['n'] }, ['digital signature']],
  ['one common name and organizations', client, { hasOtherFields: true }, asClient],
  ['names of this kind are not signed: a@b', serving, { dnsNames: ['n'], otherNames: ['a@b'] }, asServer],
  ['example.com/x is no signer of this cluster', 'example.com/x', {}, asClient],
])('%s', (expected, signer, change, usages) => {
  const why = whyNotSigned(signer, { ...agent, ...change }, usages)
  if (expected === undefined) expect(why).toBeUndefined()
  else expect(why).toContain(expected)
})

test('requests for other signers are left to them', () => {
  expect([client, serving, user, 'example.com/x', 'toString'].map(isOurs)).toEqual([true, true, true, false, false])
})
