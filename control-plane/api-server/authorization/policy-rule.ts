// What one rule of a role covers. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole

import type { PolicyRule } from '../../../api/generated/types.ts'
import type { Attributes } from './request-attributes.ts'

const everything = '*'

/** True if the rule allows it. */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!hasWord(rule.verbs, attributes.verb)) return false
  if ('path' in attributes) return coversPath(rule.nonResourceURLs ?? [], attributes.path)
  const { group, resource, subresource, name } = attributes
  const { apiGroups = [], resources = [], resourceNames = [] } = rule
  return (
    hasWord(apiGroups, group) &&
    coversResource(resources, resource, subresource) &&
    (resourceNames.length === 0 || resourceNames.includes(name))
  )
}

/** What of the wanted rules the held ones do not cover, as rules of one verb and one thing each. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(split).filter((single) => !held.some((rule) => covers(rule, single)))
}

/** One rule for each combination of what it lists. */
function split({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  const names = resourceNames.length === 0 ? [undefined] : resourceNames
  return (verbs ?? []).flatMap((verb): PolicyRule[] => [
    ...nonResourceURLs.map((url) => ({ verbs: [verb], nonResourceURLs: [url] })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(name !== undefined && { resourceNames: [name] }),
        })),
      ),
    ),
  ])
}

/** True if a rule holds all of a single one. */
function covers(
  rule: PolicyRule,
  { verbs: [verb = ''], apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule,
) {
  if (!hasWord(rule.verbs, verb)) return false
  const [url] = nonResourceURLs ?? []
  if (url !== undefined) return coversPath(rule.nonResourceURLs ?? [], url)
  const [resource = '', subresource = ''] = (resources?.[0] ?? '').split('/')
  const { resourceNames: names = [] } = rule
  return (
    hasWord(rule.apiGroups ?? [], apiGroups?.[0] ?? '') &&
    coversResource(rule.resources ?? [], resource, subresource) &&
    (names.length === 0 || (resourceNames ?? []).some((name) => names.includes(name)))
  )
}

function hasWord(words: readonly string[] | undefined, word: string): boolean {
  return words !== undefined && (words.includes(word) || words.includes(everything))
}

function coversResource(resources: readonly string[], resource: string, subresource: string): boolean {
  const whole = subresource === '' ? resource : `${resource}/${subresource}`
  return hasWord(resources, whole) || (subresource !== '' && resources.includes(`${everything}/${subresource}`))
}

/** A star at the end stands for any rest. */
function coversPath(urls: readonly string[], path: string): boolean {
  return urls.some((url) => url === path || (url.endsWith(everything) && path.startsWith(url.slice(0, -1))))
}
