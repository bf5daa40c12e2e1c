// May somebody do something? The three kinds of the same question, and what a user may do in a namespace.
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/

import type {
  NonResourceAttributes,
  PolicyRule,
  ResourceAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../../api/generated/types.ts'
import { invalidValue, required } from '../../../api/objects/field-errors.ts'
import { badRequest, type FieldError, invalid } from '../../../api/objects/status-error.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { Attributes } from '../authorization/request-attributes.ts'
import type { User } from '../exchange.ts'

/** The spec that all three kinds share; only the ones about others name a user. */
type Question = SubjectAccessReview['spec']

/** Whether a user may do what the review asks. Throws Invalid for a review that asks for nothing, or for two things. */
export function reviewAccess(
  authorizer: Authorizer,
  resource: Resource,
  spec: Question,
  user: User,
): SubjectAccessReviewStatus {
  const errors = [...validateTarget(spec), ...validateSubject(user)]
  if (errors.length > 0) throw invalid(resource, '', errors)
  const { allowed, reason } = authorizer.authorize(user, toAttributes(spec))
  return { allowed, ...(reason !== '' && { reason }) }
}

/** The user that a review about others names. */
export function readSubject({ user = '', groups = [], uid, extra }: Question): User {
  return { name: user, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) }
}

/** A local review may be answered for its own namespace alone. */
export function checkLocal(
  { resourceAttributes, nonResourceAttributes }: Question,
  namespace: string,
  resource: Resource,
) {
  if (nonResourceAttributes !== undefined)
    throw invalid(resource, '', [
      invalidValue('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request'),
    ])
  if (resourceAttributes !== undefined && resourceAttributes.namespace !== namespace)
    throw badRequest(
      `spec.resourceAttributes.namespace must match namespace: ${resourceAttributes.namespace ?? ''} != ${namespace}`,
    )
}

function validateTarget({ resourceAttributes, nonResourceAttributes }: Question): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    return [
      invalidValue(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ]
  if (resourceAttributes === undefined && nonResourceAttributes === undefined)
    return [
      invalidValue(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ]
  return []
}

function validateSubject({ name, groups }: User): FieldError[] {
  return name === '' && groups.length === 0
    ? [required('spec.user', 'at least one of user or group must be specified')]
    : []
}

function toAttributes({ resourceAttributes, nonResourceAttributes }: Question): Attributes {
  return resourceAttributes === undefined ? toPath(nonResourceAttributes ?? {}) : toResource(resourceAttributes)
}

function toResource(given: ResourceAttributes): Attributes {
  const { verb = '', group = '', namespace = '', resource = '', subresource = '', name = '' } = given
  return { verb, group, namespace, resource, subresource, name }
}

function toPath({ verb = '', path = '' }: NonResourceAttributes): Attributes {
  return { verb, path }
}

/** What the user may do in a namespace, for `kubectl auth can-i --list`. */
export function reviewRules(
  authorizer: Authorizer,
  { spec }: SelfSubjectRulesReview,
  user: User,
): SelfSubjectRulesReview['status'] {
  const { namespace = '' } = spec ?? {}
  if (namespace === '') throw badRequest('no namespace on request')
  const { rules, incomplete } = authorizer.rulesOf(user, namespace)
  return {
    resourceRules: rules.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length === 0).map(toResourceRule),
    nonResourceRules: rules.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.length === 0 ? [] : [{ verbs, nonResourceURLs }],
    ),
    incomplete: incomplete !== '',
    ...(incomplete !== '' && { evaluationError: incomplete }),
  }
}

function toResourceRule({ verbs, apiGroups, resources, resourceNames }: PolicyRule) {
  return { verbs, apiGroups, resources, ...(resourceNames !== undefined && { resourceNames }) }
}
