// POST …/serviceaccounts/NAME/token: a new token for a service account, bound to a pod, a Secret or a node if it is asked.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/

import { randomUUID } from 'node:crypto'
import type { AuthenticationTokenRequest, BoundObjectReference, Pod } from '../../../api/generated/types.ts'
import { invalidValue } from '../../../api/objects/field-errors.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest, conflict, type FieldError, invalid, notFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { secrets } from '../../../api/resources/secrets.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import type { ClusterReader } from '../admission/admission.ts'
import { timestamp } from '../writes.ts'
import { type AccountClaim, accountClaimName, accountUserName } from './claims.ts'
import { tokenRequestType } from './token-request-type.ts'
import type { TokenSigner } from './token-signer.ts'

const defaultSeconds = 3600
const leastSeconds = 600
const mostSeconds = 2 ** 32

/** Answers the request with the token. Throws notFound for an account or a bound object that is not there. */
export async function issueToken(
  { cluster, signer }: { cluster: ClusterReader; signer: TokenSigner },
  { namespace, name }: { namespace: string; name: string },
  request: AuthenticationTokenRequest,
): Promise<AuthenticationTokenRequest> {
  const account = await cluster.find(serviceAccounts, { namespace, name })
  if (account === undefined) throw notFound(serviceAccounts, name)
  const { boundObjectRef, expirationSeconds = defaultSeconds, audiences = [] } = request.spec ?? {}
  validateSeconds(name, expirationSeconds)
  const bound = boundObjectRef === undefined ? {} : await bindTo(cluster, namespace, name, boundObjectRef)
  const audience = audiences.length > 0 ? audiences : [signer.issuer]
  const claim: AccountClaim = { namespace, serviceaccount: { name, uid: account.metadata.uid }, ...bound }
  const seconds = Math.floor(Date.now() / 1000)
  const token = await signer.sign({
    aud: audience,
    sub: accountUserName(namespace, name),
    iat: seconds,
    nbf: seconds,
    exp: seconds + expirationSeconds,
    jti: randomUUID(),
    [accountClaimName]: { ...claim },
  })
  return {
    kind: tokenRequestType.kind,
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp() },
    spec: { audiences: audience, expirationSeconds, ...(boundObjectRef !== undefined && { boundObjectRef }) },
    status: {
      token,
      expirationTimestamp: `${new Date((seconds + expirationSeconds) * 1000).toISOString().slice(0, 19)}Z`,
    },
  }
}

function validateSeconds(name: string, seconds: number): void {
  const refuse = (why: string): FieldError[] => [invalidValue('spec.expirationSeconds', seconds, why)]
  const errors =
    seconds < leastSeconds
      ? refuse('may not specify a duration less than 10 minutes')
      : seconds > mostSeconds
        ? refuse('may not specify a duration larger than 2^32 seconds')
        : []
  if (errors.length > 0) throw invalid(tokenRequestType, name, errors)
}

/** The part of the claim that says what the token is bound to. */
async function bindTo(
  cluster: ClusterReader,
  namespace: string,
  account: string,
  { kind = '', apiVersion = 'v1', name = '', uid = '' }: BoundObjectReference,
): Promise<Pick<AccountClaim, 'pod' | 'secret' | 'node'>> {
  const find = async (resource: Resource) => {
    const found = await cluster.find(resource, resource.namespaced ? { namespace, name } : { name })
    if (found === undefined) throw notFound(resource, name)
    validateUid(resource, name, uid, found.metadata.uid)
    return { object: found, named: { name, uid: found.metadata.uid } }
  }
  switch (`${apiVersion}/${kind}`) {
    case 'v1/Pod': {
      const { object, named } = await find(pods)
      return { pod: named, ...(await nodeOf(cluster, account, object as Stored<Pod>)) }
    }
    case 'v1/Secret':
      return { secret: (await find(secrets)).named }
    case 'v1/Node':
      return { node: (await find(nodes)).named }
    default:
      throw badRequest(`cannot bind token for serviceaccount "${account}" to type ${apiVersion}, Kind=${kind}`)
  }
}

function validateUid(resource: Resource, name: string, wanted: string, found: string): void {
  if (wanted === '' || wanted === found) return
  const why = `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`
  throw conflict(resource, name, why)
}

/** The node that the pod runs on, for whoever wants to know where a token is used. */
async function nodeOf(
  cluster: ClusterReader,
  account: string,
  { spec }: Stored<Pod>,
): Promise<Pick<AccountClaim, 'node'>> {
  if ((spec.serviceAccountName ?? '') !== account)
    throw badRequest(
      `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
    )
  const { nodeName = '' } = spec
  if (nodeName === '') return {}
  const node = await cluster.find(nodes, { name: nodeName })
  return { node: { name: nodeName, uid: node?.metadata.uid ?? '' } }
}
