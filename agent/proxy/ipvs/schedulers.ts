// How IPVS spreads connections (ipvsadm(8)).

/** Names of all schedulers that can be chosen. */
export const schedulers = ['rr', 'lc', 'dh', 'sh', 'sed', 'nq']

/** Whether there is such a scheduler. */
export function isScheduler(name: string): boolean {
  return schedulers.includes(name)
}
