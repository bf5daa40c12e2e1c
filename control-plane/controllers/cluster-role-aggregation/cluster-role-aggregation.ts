// Keeps cluster roles that are made of others: their rules are those of all roles that their selectors match.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles

import { isDeepStrictEqual } from 'node:util'
import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { ClusterRole, PolicyRule } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { toSelector } from '../../../api/objects/selectors.ts'
import { ignore, isNotFound } from '../../../api/objects/status-error.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'

type Role = Stored<ClusterRole>

export class ClusterRoleAggregationController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = makeQueue('cluster role aggregation', context.log, (key) => this.reconcile(key))
    context.view.clusterRoles.onChange(({ old, object }) => {
      const changed = [old, object].filter((role) => role !== undefined)
      if (object?.aggregationRule !== undefined) this.#queue.add(object.metadata.name)
      for (const role of context.view.clusterRoles.list())
        if (changed.some((part) => isPartOf(part, role))) this.#queue.add(role.metadata.name)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes one role the sum of its parts. */
  async reconcile(name: string): Promise<void> {
    const { view, client } = this.#context
    const role = view.clusterRoles.get(name)
    if (role?.aggregationRule === undefined || role.metadata.deletionTimestamp !== undefined) return
    const rules = sumOf(view.clusterRoles.list().filter((part) => isPartOf(part, role)))
    if (isDeepStrictEqual(rules, role.rules ?? [])) return
    const { resourceVersion } = role.metadata
    const patch = { metadata: { resourceVersion }, rules }
    // Not found: deleted meanwhile.
    await client.patch(clusterRoles, { name }, 'application/merge-patch+json', patch).catch(ignore(isNotFound))
  }
}

function isPartOf(part: Role, { metadata, aggregationRule }: Role): boolean {
  if (aggregationRule === undefined || part.metadata.name === metadata.name) return false
  return (aggregationRule.clusterRoleSelectors ?? []).some((selector) =>
    toSelector(selector).matches(part.metadata.labels ?? {}),
  )
}

/** All rules, each once, in the order of the roles' names: the same parts give the same sum. */
function sumOf(parts: readonly Role[]): PolicyRule[] {
  const sorted = parts.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const byText = new Map(sorted.flatMap(({ rules = [] }) => rules).map((rule) => [JSON.stringify(rule), rule]))
  return [...byText.values()]
}
