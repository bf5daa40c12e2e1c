// Who may read a token's file. https://github.com/kubernetes/enhancements/tree/master/keps/sig-auth/1205-bound-service-account-tokens#file-permission

import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

/** Mode and owner of a token's file; defaultMode is the volume's. */
export function tokenAccess({ spec }: Stored<Pod>, defaultMode: number): { mode: number; owner?: number } {
  const owner = commonUser(spec)
  const isNarrow = owner !== undefined || spec.securityContext?.fsGroup !== undefined
  // With an fsGroup the group gets its bit when the file is written.
  return { mode: isNarrow ? 0o600 : defaultMode, ...(owner !== undefined && { owner }) }
}

/** The user that all containers run as; undefined when one does not say, or they differ. */
function commonUser({ containers, initContainers = [], securityContext }: Stored<Pod>['spec']): number | undefined {
  const users = [...initContainers, ...containers].map(
    (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser,
  )
  return users.every((user) => user === users[0]) ? users[0] : undefined
}
