// Kinds that are questions: a client creates one, the answer is its status, and nothing is kept. They have rows, so that
// discovery names them, but are no part of the resource table, whose kinds are stored.

import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  TokenReview,
} from '../generated/types.ts'
import type { ApiObject } from '../objects/object.ts'
import type { Resource } from './resource.ts'

/** Whose is this token? */
export const tokenReviews: Resource<TokenReview> = makeReview('authentication', 'TokenReview')
/** Who am I? */
export const selfSubjectReviews: Resource<SelfSubjectReview> = makeReview('authentication', 'SelfSubjectReview')
/** May this user do that? */
export const subjectAccessReviews: Resource<SubjectAccessReview> = makeReview('authorization', 'SubjectAccessReview')
/** The same, asked by somebody who may ask in one namespace alone. */
export const localSubjectAccessReviews: Resource<LocalSubjectAccessReview> = makeReview(
  'authorization',
  'LocalSubjectAccessReview',
  true,
)
/** May I do that? */
export const selfSubjectAccessReviews: Resource<SelfSubjectAccessReview> = makeReview(
  'authorization',
  'SelfSubjectAccessReview',
)
/** What may I do in this namespace? */
export const selfSubjectRulesReviews: Resource<SelfSubjectRulesReview> = makeReview(
  'authorization',
  'SelfSubjectRulesReview',
)

/** All of them, in the order that discovery lists them. */
export const reviews: readonly Resource[] = [
  tokenReviews,
  selfSubjectReviews,
  subjectAccessReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
]

function makeReview<T extends ApiObject>(group: string, kind: string, namespaced = false): Resource<T> {
  const singular = kind.toLowerCase()
  return {
    group: `${group}.k8s.io`,
    version: 'v1',
    kind,
    plural: `${singular}s`,
    singular,
    shortNames: [],
    categories: [],
    namespaced,
    subresources: [],
    verbs: ['create'],
    definition: `io.k8s.api.${group}.v1.${kind}`,
    storagePath: '',
    columns: [],
  }
}
