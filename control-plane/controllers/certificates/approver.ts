// Approves requests of agents, and denies those that ask for what is not theirs, with the reason. All others wait for an
// administrator: kubectl certificate approve. Whether requests of a kind are approved at all is a right of who asks, as in
// Kubernetes (create certificatesigningrequests/nodeclient, …/selfnodeclient, …/selfnodeserver).

import type { ParsedRequest } from '../../../api/certificates/pkcs10.ts'
import { readRequest } from '../../../api/certificates/read-request.ts'
import { clientSigner, servingSigner } from '../../../api/client/join/certificate-request.ts'
import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node } from '../../../api/generated/types.ts'
import { hostAddress } from '../../../api/objects/addresses.ts'
import { bootstrappersGroup, nodeOfUser, nodesGroup } from '../../../api/objects/known-users.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { subjectAccessReviews } from '../../../api/resources/reviews.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { type Reserved, whyNotNewNode, whyNotServing } from './approval-rules.ts'
import { GivenNames } from './given-names.ts'
import { isPending, type StoredRequest, withCondition } from './request-state.ts'
import { whyNotSigned } from './signer-rules.ts'

/** The kinds of requests that are known here, by the right that approves them. */
type Kind = 'nodeclient' | 'selfnodeclient' | 'selfnodeserver'

export class CertificateApprover implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue
  readonly #reserved: Reserved
  readonly #givenNames = new GivenNames()

  constructor(context: ControllerContext, reserved: Reserved) {
    this.#context = context
    this.#reserved = reserved
    this.#queue = makeQueue('certificate approver', context.log, (key) => this.reconcile(key))
    context.view.certificateSigningRequests.onChange(({ object }) => {
      if (object !== undefined && isPending(object)) this.#queue.add(object.metadata.name)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Decides about one request, if it is of a kind that is known. */
  async reconcile(name: string): Promise<void> {
    const request = this.#context.view.certificateSigningRequests.get(name)
    if (request === undefined || !isPending(request)) return
    const parsed = await readRequest(request.spec.request)
    const kind = kindOf(request, parsed)
    if (kind === undefined || !(await this.#isAllowed(request, kind))) return
    const why =
      whyNotSigned(request.spec.signerName, parsed, request.spec.usages ?? []) ??
      (await this.#whyNot(kind, parsed, request.metadata.uid))
    await this.#decide(request, kind, why)
  }

  async #whyNot(kind: Kind, parsed: ParsedRequest, uid: string): Promise<string | undefined> {
    const { view, now } = this.#context
    const name = nodeOfUser(parsed.commonName) ?? ''
    if (kind === 'selfnodeclient') return undefined
    if (kind === 'nodeclient') {
      const found = await this.#findNode(name)
      const why = whyNotNewNode(name, found, view.pods.byIndex('node', name), this.#reserved)
      return why ?? this.#givenNames.give(name, uid, now())
    }
    const owners = parsed.addresses.flatMap((address) => view.nodes.byIndex('address', hostAddress(address) ?? ''))
    return whyNotServing(name, parsed, owners, this.#reserved)
  }

  /** Asked of the API server and not of the view: that it was registered or deleted a moment ago counts. */
  async #findNode(name: string): Promise<Stored<Node> | undefined> {
    try {
      return await this.#context.client.get(nodes, { name })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async #isAllowed({ spec }: StoredRequest, kind: Kind): Promise<boolean> {
    const { username: user = '', uid, groups = [], extra } = spec
    const { group, plural, version } = certificateSigningRequests
    const resourceAttributes = { verb: 'create', group, version, resource: plural, subresource: kind }
    const review = await this.#context.client.create(subjectAccessReviews, {
      spec: {
        user,
        groups,
        resourceAttributes,
        ...(uid !== undefined && { uid }),
        ...(extra !== undefined && { extra }),
      },
    })
    return review.status?.allowed === true
  }

  async #decide(request: StoredRequest, kind: Kind, why: string | undefined): Promise<void> {
    const { client, log, now } = this.#context
    const decision =
      why === undefined
        ? ({ type: 'Approved', reason: 'AutoApproved', message: `approved by the rule for ${kind}` } as const)
        : ({ type: 'Denied', reason: 'NotItsOwn', message: why } as const)
    const decided = withCondition(request, decision, now())
    await client.update(certificateSigningRequests, decided, { subresource: 'approval' })
    const { name } = request.metadata
    if (why !== undefined) log.warn(`certificate approver: denied ${name} of ${request.spec.username}: ${why}`)
  }
}

/** undefined for a request that is not of an agent for itself, nor of a host that joins. */
function kindOf({ spec }: StoredRequest, { commonName }: ParsedRequest): Kind | undefined {
  const { signerName, username = '', groups = [] } = spec
  const isOwn = groups.includes(nodesGroup) && nodeOfUser(username) !== undefined && username === commonName
  if (signerName === servingSigner) return isOwn ? 'selfnodeserver' : undefined
  if (signerName !== clientSigner) return undefined
  if (isOwn) return 'selfnodeclient'
  return groups.includes(bootstrappersGroup) ? 'nodeclient' : undefined
}
