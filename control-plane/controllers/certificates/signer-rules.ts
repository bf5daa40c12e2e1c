// What each of the signers that we are signs at all, whoever approved it. Pure.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers

import type { ParsedRequest } from '../../../api/certificates/pkcs10.ts'
import { clientSigner, servingSigner, userSigner } from '../../../api/client/join/certificate-request.ts'
import { mastersGroup, nodeOfUser, nodesGroup } from '../../../api/objects/known-users.ts'

type Subject = Omit<ParsedRequest, 'isSigned' | 'publicKey'>
/** Says why a request cannot be signed; undefined if it can. */
type Rule = (subject: Subject) => string | undefined

interface SignerRule {
  /** The usage that the certificate is for. */
  purpose: string
  whyNot: Rule
}

const rules: Readonly<Record<string, SignerRule>> = {
  [userSigner]: { purpose: 'client auth', whyNot: whyNotUser },
  [clientSigner]: { purpose: 'client auth', whyNot: (subject) => whyNotAgent(subject) ?? whyNotNameless(subject) },
  [servingSigner]: { purpose: 'server auth', whyNot: (subject) => whyNotAgent(subject) ?? whyNotNamed(subject) },
}

/** Whether requests for this signer are ours to sign. */
export function isOurs(signerName: string): boolean {
  return Object.hasOwn(rules, signerName)
}

/** Why one of our signers does not sign this; undefined if it does. */
export function whyNotSigned(signerName: string, subject: Subject, usages: readonly string[]): string | undefined {
  const rule = rules[signerName]
  if (rule === undefined) return `${signerName} is no signer of this cluster`
  const allowed = ['digital signature', 'key encipherment', rule.purpose]
  const other = usages.find((usage) => !allowed.includes(usage))
  if (other !== undefined) return `usage "${other}" is not one of ${allowed.join(', ')}`
  if (!usages.includes(rule.purpose)) return `usages must include "${rule.purpose}"`
  if (subject.hasOtherFields) return 'the subject may have one common name and organizations, nothing else'
  if (subject.otherNames.length > 0) return `names of this kind are not signed: ${subject.otherNames.join(', ')}`
  return rule.whyNot(subject)
}

function whyNotUser({ commonName, organizations }: Subject): string | undefined {
  if (commonName === '') return 'the common name is empty'
  return organizations.includes(mastersGroup) ? `the group ${mastersGroup} is not given by request` : undefined
}

function whyNotAgent({ commonName, organizations }: Subject): string | undefined {
  if (organizations.join() !== nodesGroup) return `the organization must be ${nodesGroup} alone`
  if (nodeOfUser(commonName) !== undefined) return undefined
  return `the common name must be system:node: and the name of a node, not "${commonName}"`
}

function whyNotNameless({ dnsNames, addresses }: Subject): string | undefined {
  const names = [...dnsNames, ...addresses]
  return names.length === 0
    ? undefined
    : `a client has no DNS names and addresses, and these were asked for: ${names.join(', ')}`
}

function whyNotNamed({ dnsNames, addresses }: Subject): string | undefined {
  return dnsNames.length + addresses.length === 0 ? 'a server needs a DNS name or an address' : undefined
}
