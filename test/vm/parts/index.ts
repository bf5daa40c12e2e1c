// The parts of `scripts/test vm`, in the order in which they run.

import type { Part } from '../part.ts'
import { hosts } from './hosts.ts'
import { ipvs, ipvsLife, ipvsPackets, ipvsScale, ipvsTrace, ipvsUpdate, packets } from './ipvs.ts'
import { netFault } from './net-fault.ts'
import { wireguard } from './wireguard.ts'

export const parts: readonly Part[] = [
  ipvs,
  ipvsLife,
  ipvsTrace,
  ipvsUpdate,
  ipvsScale,
  ipvsPackets,
  packets,
  netFault,
  wireguard,
  hosts,
]
