// fairlead net: the network, seen and tested.

import type { Command } from 'commander'
import { addNetBench } from './net-bench.ts'
import { addNetCapture } from './net-capture.ts'
import { addNetFault } from './net-fault.ts'
import { addNetTrace } from './net-trace.ts'
import { addNetVerify } from './net-verify.ts'

/** Adds the verb with its parts. */
export function addNet(program: Command): void {
  const net = program.command('net').description('see, check and test the network of the cluster')
  for (const add of [addNetTrace, addNetVerify, addNetCapture, addNetFault, addNetBench]) add(net)
}
