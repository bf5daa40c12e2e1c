// What the agent is asked below /net/, and what it answers. The API server passes it on: nodes/NODE/proxy/net/...; reading wants
// the right to get nodes/proxy, everything else the right to create it.

import type { Difference } from './difference.ts'

/** GET /net/state?node=true&pod=NAMESPACE/NAME&address=IP: an array of NamespaceState. `pod=*` means all pods. */
export const statePath = '/net/state'
/** GET /net/verify: VerifyAnswer. POST /net/repair: mends, and answers as verify does afterwards. */
export const verifyPath = '/net/verify'
export const repairPath = '/net/repair'

/** POST WatchRequest, GET with ?id=ID: SeenAnswer, POST SendRequest: SendAnswer (probe.ts). */
export const watchPath = '/net/watch'
export const seenPath = '/net/seen'
export const sendPath = '/net/send'

export interface VerifyAnswer {
  node: string
  differences: Difference[]
  /** Parts that could not tell, and why. */
  errors: string[]
}
