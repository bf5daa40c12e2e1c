// What a namespace that goes away says about what is left in it, in Kubernetes' words.

import type { NamespaceCondition } from '../../../api/generated/types.ts'
import { toTimestamp } from '../timestamp.ts'

/** Objects of one kind that are still there. */
export interface Remaining {
  /** Such as "pods." or "deployments.apps": plural, dot, group. */
  resource: string
  count: number
  /** How many of them wait for each finalizer. */
  finalizers: Record<string, number>
}

/** The conditions after one look at the content. Times of those that did not change stay. */
export function makeConditions(
  present: NamespaceCondition[],
  remaining: Remaining[],
  failures: string[],
  nowMs: number,
): NamespaceCondition[] {
  const conditions = [
    say('NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered'),
    say(
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    failures.length > 0
      ? say(
          'NamespaceDeletionContentFailure',
          true,
          'ContentDeletionFailed',
          `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
        )
      : say(
          'NamespaceDeletionContentFailure',
          false,
          'ContentDeleted',
          'All content successfully deleted, may be waiting on finalization',
        ),
    sayRemaining(remaining),
    sayFinalizers(remaining),
  ]
  return conditions.map((condition) => {
    const before = present.find(({ type }) => type === condition.type)
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : toTimestamp(nowMs)
    return { ...condition, lastTransitionTime }
  })
}

function say(type: string, isTrue: boolean, reason: string, message: string): NamespaceCondition {
  return { type, status: isTrue ? 'True' : 'False', reason, message }
}

function sayRemaining(remaining: Remaining[]): NamespaceCondition {
  const type = 'NamespaceContentRemaining'
  if (remaining.length === 0) return say(type, false, 'ContentRemoved', 'All content successfully removed')
  const listed = remaining.map(({ resource, count }) => `${resource} has ${count} resource instances`)
  return say(type, true, 'SomeResourcesRemain', `Some resources are remaining: ${listed.sort().join(', ')}`)
}

function sayFinalizers(remaining: Remaining[]): NamespaceCondition {
  const type = 'NamespaceFinalizersRemaining'
  const counts = new Map<string, number>()
  for (const [name, count] of remaining.flatMap(({ finalizers }) => Object.entries(finalizers))) {
    counts.set(name, (counts.get(name) ?? 0) + count)
  }
  if (counts.size === 0) return say(type, false, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished')
  const listed = [...counts].map(([name, count]) => `${name} in ${count} resource instances`)
  return say(
    type,
    true,
    'SomeFinalizersRemain',
    `Some content in the namespace has finalizers remaining: ${listed.sort().join(', ')}`,
  )
}
