// The kinds of `kubectl auth`, `kubectl create token` and `kubectl create role` and the like.

import { ignored, int, labelSelector, type Message, message, messages, metadata, text, texts } from './fields.ts'

const status = ignored('status')

const boundObjectReference: Message = new Map([
  [1, text('kind')],
  [2, text('apiVersion')],
  [3, text('name')],
  [4, text('uid')],
])

const tokenRequestSpec: Message = new Map([
  [1, texts('audiences')],
  [3, message('boundObjectRef', boundObjectReference)],
  [4, int('expirationSeconds')],
])

const resourceAttributes: Message = new Map([
  [1, text('namespace')],
  [2, text('verb')],
  [3, text('group')],
  [4, text('version')],
  [5, text('resource')],
  [6, text('subresource')],
  [7, text('name')],
])

const nonResourceAttributes: Message = new Map([
  [1, text('path')],
  [2, text('verb')],
])

const selfReviewSpec: Message = new Map([
  [1, message('resourceAttributes', resourceAttributes)],
  [2, message('nonResourceAttributes', nonResourceAttributes)],
])

const subjectReviewSpec: Message = new Map([
  ...selfReviewSpec,
  [3, text('user')],
  [4, texts('groups')],
  [5, ignored('extra')],
  [6, text('uid')],
])

const rules = messages(
  'rules',
  new Map([
    [1, texts('verbs')],
    [2, texts('apiGroups')],
    [3, texts('resources')],
    [4, texts('resourceNames')],
    [5, texts('nonResourceURLs')],
  ]),
)

const subjects = messages(
  'subjects',
  new Map([
    [1, text('kind')],
    [2, text('apiGroup')],
    [3, text('name')],
    [4, text('namespace')],
  ]),
)

const roleRef = message(
  'roleRef',
  new Map([
    [1, text('apiGroup')],
    [2, text('kind')],
    [3, text('name')],
  ]),
)

const role: Message = new Map([
  [1, metadata],
  [2, rules],
])

const clusterRole: Message = new Map([
  ...role,
  [3, message('aggregationRule', new Map([[1, messages('clusterRoleSelectors', labelSelector)]]))],
])

const binding: Message = new Map([
  [1, metadata],
  [2, subjects],
  [3, roleRef],
])

/** An object of metadata, spec and status. */
const withSpec = (spec: Message): Message =>
  new Map([
    [1, metadata],
    [2, message('spec', spec)],
    [3, status],
  ])

/** By "apiVersion/kind" of the envelope. */
export const accessKinds: readonly [kind: string, message: Message][] = [
  ['authentication.k8s.io/v1/TokenRequest', withSpec(tokenRequestSpec)],
  [
    'authentication.k8s.io/v1/SelfSubjectReview',
    new Map([
      [1, metadata],
      [2, status],
    ]),
  ],
  ['authorization.k8s.io/v1/SelfSubjectAccessReview', withSpec(selfReviewSpec)],
  ['authorization.k8s.io/v1/SubjectAccessReview', withSpec(subjectReviewSpec)],
  ['authorization.k8s.io/v1/LocalSubjectAccessReview', withSpec(subjectReviewSpec)],
  ['authorization.k8s.io/v1/SelfSubjectRulesReview', withSpec(new Map([[1, text('namespace')]]))],
  ['rbac.authorization.k8s.io/v1/Role', role],
  ['rbac.authorization.k8s.io/v1/ClusterRole', clusterRole],
  ['rbac.authorization.k8s.io/v1/RoleBinding', binding],
  ['rbac.authorization.k8s.io/v1/ClusterRoleBinding', binding],
]
