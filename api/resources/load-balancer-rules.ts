// Rules for what load balancers say of Services and Ingresses.

import { isIP } from 'node:net'
import type { LoadBalancerIngress } from '../generated/types.ts'
import { invalidIf } from '../objects/field-errors.ts'
import { whyNotDnsSubdomain } from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeAddress } from './rules.ts'

/** All that is wrong with status.loadBalancer.ingress. */
export function validateBalancerIngress(
  ingress: readonly Pick<LoadBalancerIngress, 'ip' | 'hostname'>[] = [],
): FieldError[] {
  return ingress.flatMap(({ ip, hostname }, index) => {
    const path = `status.loadBalancer.ingress[${index}]`
    return [...mustBeAddress(`${path}.ip`, ip || undefined), ...validateHostname(`${path}.hostname`, hostname)]
  })
}

function validateHostname(field: string, hostname = ''): FieldError[] {
  if (hostname === '') return []
  const why = isIP(hostname) > 0 ? 'must be a DNS name, not an IP address' : whyNotDnsSubdomain(hostname)
  return invalidIf(field, hostname, why)
}
