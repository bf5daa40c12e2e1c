import type { PodSecurityContext, SecurityContext } from '../../generated/types.ts'
import { invalidValue } from '../../objects/field-errors.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { mustBeBetween, mustBeOneOf, mustBeSet } from '../rules.ts'

const largestId = 2 ** 31 - 1
const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9*][-_a-z0-9*]*)$/
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined']

/** Rules for the security context of a pod. */
export function validatePodSecurity(context: PodSecurityContext | undefined, path: string): FieldError[] {
  const { fsGroup, supplementalGroups, sysctls, fsGroupChangePolicy, seccompProfile } = context ?? {}
  return [
    ...validateIds(context, path),
    ...mustBeBetween(`${path}.fsGroup`, fsGroup, 0, largestId),
    ...mustBeOneOf(`${path}.fsGroupChangePolicy`, fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...mustBeOneOf(`${path}.seccompProfile.type`, seccompProfile?.type, profileTypes),
    ...(supplementalGroups ?? []).flatMap((group, index) =>
      mustBeBetween(`${path}.supplementalGroups[${index}]`, group, 0, largestId),
    ),
    ...(sysctls ?? []).flatMap(({ name }, index) => {
      const field = `${path}.sysctls[${index}].name`
      const isBad = Boolean(name) && !sysctlName.test(name)
      return [
        ...mustBeSet(field, name),
        ...(isBad ? [invalidValue(field, name, `must match the regex ${sysctlName.source}`)] : []),
      ]
    }),
  ]
}

/** Rules for the security context of a container. */
export function validateContainerSecurity(context: SecurityContext | undefined, path: string): FieldError[] {
  const { privileged, allowPrivilegeEscalation, capabilities, procMount, seccompProfile } = context ?? {}
  const field = `${path}.allowPrivilegeEscalation`
  const forbids = allowPrivilegeEscalation === false
  const addsAdmin = capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN' || name === 'SYS_ADMIN') === true
  return [
    ...validateIds(context, path),
    ...mustBeOneOf(`${path}.procMount`, procMount, ['Default', 'Unmasked']),
    ...mustBeOneOf(`${path}.seccompProfile.type`, seccompProfile?.type, profileTypes),
    ...(forbids && privileged === true
      ? [invalidValue(field, false, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')]
      : []),
    ...(forbids && addsAdmin
      ? [
          invalidValue(
            field,
            false,
            'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
          ),
        ]
      : []),
  ]
}

function validateIds(
  context: Pick<SecurityContext, 'runAsUser' | 'runAsGroup'> | undefined,
  path: string,
): FieldError[] {
  return [
    ...mustBeBetween(`${path}.runAsUser`, context?.runAsUser, 0, largestId),
    ...mustBeBetween(`${path}.runAsGroup`, context?.runAsGroup, 0, largestId),
  ]
}
