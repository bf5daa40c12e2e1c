// All checks, in the order in which they are shown.

import type { Check, CheckResult, HostWish } from './check.ts'
import { checkDocker } from './docker.ts'
import type { HostFacts } from './facts.ts'
import { checkFirewalls } from './firewalls.ts'
import { checkCgroups, checkKernel, checkPrograms, checkSysctls } from './kernel.ts'
import { checkAddress, checkNetworkd, checkPorts, checkRanges, checkStrangers } from './network.ts'
import {
  checkClock,
  checkDisk,
  checkLeftovers,
  checkMemory,
  checkName,
  checkRoot,
  checkSwap,
  checkSystemd,
} from './system.ts'

const checks: readonly Check[] = [
  ...[checkRoot, checkSystemd, checkName, checkClock, checkMemory, checkDisk, checkSwap],
  ...[checkKernel, checkPrograms, checkCgroups, checkSysctls, checkDocker],
  ...[checkAddress, checkNetworkd, checkRanges, checkPorts, checkFirewalls, checkStrangers, checkLeftovers],
]

/** What all checks say of a host that is to become this. */
export function checkHost(facts: HostFacts, wish: HostWish): CheckResult[] {
  return checks.flatMap((check) => check(facts, wish))
}
