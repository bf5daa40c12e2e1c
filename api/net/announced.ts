// How agents know which balancers' addresses are theirs to take: the status of a Service may as well have an address that other
// hands gave out and somebody else answers for.

import type { Service } from '../generated/types.ts'

/** Condition of a Service: the nodes agree among themselves which of them puts its balancer's addresses on its link. */
export const announcedCondition = 'fairlead.io/Announced'

/** Whether nodes are to take the addresses of the Service's balancer. */
export function isAnnounced({ status }: Service): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === announcedCondition && value === 'True') === true
}
