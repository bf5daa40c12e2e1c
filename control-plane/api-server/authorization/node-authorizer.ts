// What an agent may do: a few fixed rules, and the Secrets, ConfigMaps and service account tokens that its own pods need.
// That it writes no other node and no other node's pods is seen to by admission, which knows the objects.
// https://kubernetes.io/docs/reference/access-authn-authz/node/

import type { Pod } from '../../../api/generated/types.ts'
import { nodeOfUser, nodesGroup } from '../../../api/objects/known-users.ts'
import { pods } from '../../../api/resources/pods.ts'
import { followCache } from '../cache-follower.ts'
import type { User } from '../exchange.ts'
import { type Authorizer, type KnownRules, noOpinion, type Opinion } from './authorizer.ts'
import { NodeGraph } from './node-graph.ts'
import { nodeRules } from './node-rules.ts'
import { ruleAllows } from './policy-rule.ts'
import type { Caches } from './rbac-authorizer.ts'
import type { Attributes, ResourceAttributes } from './request-attributes.ts'

const reading = new Set(['get', 'list', 'watch'])
const leaseNamespace = 'kube-node-lease'
const leaseVerbs = new Set(['get', 'create', 'update', 'patch', 'delete'])
const allowed: Opinion = { allowed: true, reason: '' }

/** The node that a user is the agent of: it takes both the name and the group of one. */
export function nodeNameOf({ name, groups }: User): string | undefined {
  return groups.includes(nodesGroup) ? nodeOfUser(name) : undefined
}

export class NodeAuthorizer implements Authorizer {
  readonly #graph = new NodeGraph()

  constructor(caches: Caches) {
    followCache<Pod>(caches.cacheOf(pods), this.#graph)
  }

  authorize(user: User, attributes: Attributes): Opinion {
    const node = nodeNameOf(user)
    if (node === undefined) return noOpinion
    const byRule = nodeRules.some((rule) => ruleAllows(rule, attributes))
    if (byRule || 'path' in attributes) return byRule ? allowed : noOpinion
    switch (attributes.group === '' ? attributes.resource : `${attributes.resource}.${attributes.group}`) {
      case 'secrets':
      case 'configmaps':
        return this.#authorizeReading(node, attributes)
      case 'serviceaccounts':
        return this.#authorizeToken(node, attributes)
      case 'leases.coordination.k8s.io':
        return authorizeLease(node, attributes)
      default:
        return noOpinion
    }
  }

  rulesOf(user: User): KnownRules {
    const isNode = nodeNameOf(user) !== undefined
    return { rules: [], incomplete: isNode ? 'node authorizer does not support user rule resolution' : '' }
  }

  #authorizeReading(node: string, { verb, resource, subresource, namespace, name }: ResourceAttributes): Opinion {
    if (!reading.has(verb) || subresource !== '') return refuse('can only read resources of this type')
    if (name === '') return refuse('No Object name found')
    return this.#graph.needs(node, resource, namespace, name) ? allowed : refuse(unrelated(node))
  }

  #authorizeToken(node: string, { verb, subresource, namespace, name }: ResourceAttributes): Opinion {
    if (verb !== 'create' || subresource !== 'token')
      return refuse('can only create tokens for individual service accounts')
    return this.#graph.needs(node, 'serviceaccounts', namespace, name) ? allowed : refuse(unrelated(node))
  }
}

function authorizeLease(node: string, { verb, namespace, name, subresource }: ResourceAttributes): Opinion {
  if (!leaseVerbs.has(verb) || subresource !== '')
    return refuse('can only get, create, update, patch, or delete a node lease')
  if (namespace !== leaseNamespace) return refuse(`can only access leases in the "${leaseNamespace}" system namespace`)
  // The name of a new one is in its body, which admission looks at.
  return verb === 'create' || name === node
    ? allowed
    : refuse('can only access node lease with the same name as the requesting node')
}

const refuse = (reason: string): Opinion => ({ allowed: false, reason })
const unrelated = (node: string) => `no relationship found between node '${node}' and this object`
