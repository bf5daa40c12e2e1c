// Node selectors: which nodes a pod wants to be on.
// https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity

import type { Node, NodeSelectorTerm, PodSpec } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { matchesRequirement, toRequirement } from '../../api/objects/selectors.ts'

/** True if the node has all labels of nodeSelector and fits one term of the required affinity. */
export function isWantedNode({ nodeSelector = {}, affinity }: PodSpec, node: Stored<Node>): boolean {
  const labels = node.metadata.labels ?? {}
  if (Object.entries(nodeSelector).some(([key, value]) => labels[key] !== value)) return false
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/** The sum of the weights of all preferences that the node fulfils. */
export function sumPreferences({ affinity }: PodSpec, node: Stored<Node>): number {
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return preferred
    .filter(({ preference }) => matchesTerm(preference, node))
    .reduce((sum, { weight }) => sum + weight, 0)
}

/** A term without any condition matches nothing. */
function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  { metadata }: Stored<Node>,
): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const fields = { 'metadata.name': metadata.name }
  return (
    matchExpressions.every((expression) => matchesRequirement(toRequirement(expression), metadata.labels ?? {})) &&
    matchFields.every((expression) => matchesRequirement(toRequirement(expression), fields))
  )
}
