// From a bearer token to a user: signature, issuer, time and audience, and that the service account and what the token is
// bound to are still the very objects it names. Deleting the pod ends its token.

import type { JWTPayload } from 'jose'
import type { ObjectName } from '../../../api/objects/object.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { secrets } from '../../../api/resources/secrets.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import type { ClusterReader } from '../admission/admission.ts'
import type { User } from '../exchange.ts'
import { type AccountClaim, accountGroups, accountUserName, type NamedObject, readAccountClaim } from './claims.ts'
import type { TokenSigner } from './token-signer.ts'

/** Who holds a token, and which of the asked audiences it is for. */
export interface TokenHolder {
  user: User
  audiences: string[]
}

export class TokenAuthenticator {
  readonly #signer: TokenSigner
  readonly #cluster: ClusterReader

  constructor(signer: TokenSigner, cluster: ClusterReader) {
    this.#signer = signer
    this.#cluster = cluster
  }

  /** The holder of a good token; undefined for any other text. No audiences: the token is for the API server. */
  async authenticate(
    token: string,
    audiences: readonly string[] = [this.#signer.issuer],
  ): Promise<TokenHolder | undefined> {
    const claims = await this.#signer.verify(token)
    const account = claims === undefined ? undefined : readAccountClaim(claims)
    if (claims === undefined || account === undefined) return undefined
    const own = [claims.aud ?? []].flat()
    const shared = audiences.filter((audience) => own.includes(audience))
    if (shared.length === 0 || !(await this.#isAlive(account))) return undefined
    return { user: toUser(account, claims), audiences: shared }
  }

  async #isAlive({ namespace, serviceaccount, pod, secret, node }: AccountClaim): Promise<boolean> {
    const inNamespace = ({ name }: NamedObject) => ({ namespace, name })
    return (
      (await this.#isThere(serviceAccounts, serviceaccount, inNamespace)) &&
      (await this.#isThere(pods, pod, inNamespace)) &&
      (await this.#isThere(secrets, secret, inNamespace)) &&
      // The node of a pod's token is for information; only a token bound to a node alone ends with it.
      (pod !== undefined || (await this.#isThere(nodes, node, ({ name }) => ({ name }))))
    )
  }

  async #isThere(
    resource: Resource,
    named: NamedObject | undefined,
    nameOf: (named: NamedObject) => ObjectName,
  ): Promise<boolean> {
    if (named === undefined) return true
    const found = await this.#cluster.find(resource, nameOf(named))
    return found?.metadata.uid === named.uid
  }
}

function toUser({ namespace, serviceaccount, pod, node }: AccountClaim, { jti }: JWTPayload): User {
  const facts: [name: string, value: string | undefined][] = [
    ['credential-id', jti === undefined ? undefined : `JTI=${jti}`],
    ['pod-name', pod?.name],
    ['pod-uid', pod?.uid],
    ['node-name', node?.name],
    ['node-uid', node?.uid],
  ]
  const extra = Object.fromEntries(
    facts.flatMap(([name, value]) => (value === undefined ? [] : [[`authentication.kubernetes.io/${name}`, [value]]])),
  )
  const name = accountUserName(namespace, serviceaccount.name)
  return { name, uid: serviceaccount.uid, groups: accountGroups(namespace), extra }
}
