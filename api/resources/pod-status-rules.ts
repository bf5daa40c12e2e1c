import type { PodStatus } from '../generated/types.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeAddress } from './rules.ts'

/** Rules for what an agent reports of a pod: every node and the control plane use its addresses. Empty ones are none. */
export function validatePodStatus({ podIP, podIPs = [], hostIP, hostIPs = [] }: PodStatus = {}): FieldError[] {
  const rule = (field: string, ip: string | undefined) => mustBeAddress(`status.${field}`, ip || undefined)
  return [
    ...rule('podIP', podIP),
    ...podIPs.flatMap(({ ip }, index) => rule(`podIPs[${index}].ip`, ip)),
    ...rule('hostIP', hostIP),
    ...hostIPs.flatMap(({ ip }, index) => rule(`hostIPs[${index}].ip`, ip)),
  ]
}
