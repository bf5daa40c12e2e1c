// Hosts of one's own, with the one file and systemd: a control plane and a worker, through their whole lives, beside a user's
// containers, networks, firewall and rules.

import {
  init,
  join,
  openFirewall,
  refuseSecondInit,
  refuseWithoutDocker,
  refuseWrongJoins,
  runPods,
} from '../hosts/cluster.ts'
import {
  evict,
  limitMemory,
  reboot,
  reset,
  restartDocker,
  takeSnapshot,
  upgrade,
  upgradeToBroken,
} from '../hosts/life.ts'
import { moveControlPlane, moveWorker } from '../hosts/moving.ts'
import { type Hosts, leaveHosts, prepareHosts } from '../hosts/prepare.ts'
import type { Part, PartContext, PartResult } from '../part.ts'

export const hosts: Part = {
  name: 'hosts',
  title: "hosts of one's own: init, join, pods, upgrade, reboot, other addresses, reset, and everything else as it was",
  run: async (context) => {
    const both = await prepareHosts(context)
    try {
      return await runSteps(both, context)
    } finally {
      await leaveHosts(both)
    }
  },
}

interface Step {
  title: string
  act(hosts: Hosts): Promise<void>
  /** The steps after it need what it makes. */
  isNeeded?: boolean
}

const steps: Step[] = [
  { title: 'a host without Docker is refused, and nothing is written', act: refuseWithoutDocker },
  { title: 'what check says that ufw keeps out is all that it keeps out', act: openFirewall },
  { title: 'both hosts are noted', act: noteBoth, isNeeded: true },
  { title: 'init makes a cluster with this host as its ready node', act: init, isNeeded: true },
  { title: 'a second init says what is there and changes nothing', act: refuseSecondInit },
  { title: 'a join with a wrong or ended token, hash or address says what is wrong', act: refuseWrongJoins },
  { title: 'join makes the other host a ready node', act: join, isNeeded: true },
  { title: 'pods on both hosts reach each other, by address and by name', act: runPods, isNeeded: true },
  { title: 'a container that takes more memory than its limit is killed, by its cgroup', act: limitMemory },
  { title: 'a pod that takes all of the memory is evicted, and no other', act: evict },
  { title: "Docker's restart brings the pods back", act: restartDocker },
  { title: 'an upgrade leaves the pods running', act: upgrade },
  { title: 'a version that does not come up is taken back', act: upgradeToBroken },
  { title: 'after a reboot of both hosts everything works again', act: reboot },
  { title: 'a worker whose address changes is a ready node again, and its pods run on', act: moveWorker },
  {
    title: "a control plane whose address changes is found by its name, and everybody's pods run on",
    act: moveControlPlane,
  },
  { title: 'reset leaves both hosts as they were', act: reset },
]

async function noteBoth({ control, worker }: Hosts): Promise<void> {
  await Promise.all([takeSnapshot(control), takeSnapshot(worker)])
}

async function runSteps(both: Hosts, { say }: PartContext): Promise<PartResult> {
  const result: PartResult = { passed: 0, failed: 0, skipped: 0 }
  for (const [at, { title, act, isNeeded }] of steps.entries()) {
    const started = performance.now()
    try {
      await act(both)
      result.passed++
      say(`ok - ${title} (${((performance.now() - started) / 1000).toFixed(0)} s)`)
    } catch (error) {
      result.failed++
      say(`not ok - ${title}\n${error instanceof Error ? error.message : error}`)
      if (isNeeded !== true) continue
      result.skipped += steps.length - at - 1
      say(`${steps.length - at - 1} steps after it were not tried`)
      break
    }
  }
  return result
}
