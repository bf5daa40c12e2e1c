// The IPVS proxy mode, which the kernels of containers and small machines often lack.

import type { Part } from '../part.ts'
import { runProgram } from '../program.ts'

/** Answers and asks in the hosts of a program's network. */
const prober = 'test/packets/prober.py'

export const ipvs: Part = {
  name: 'ipvs',
  title: 'the IPVS proxy mode: its own promises',
  run: (context) => runProgram(context, { entry: 'test/vm/programs/ipvs.ts', files: [prober] }),
}

export const ipvsLife: Part = {
  name: 'ipvs-life',
  title: 'the IPVS proxy mode: schedulers, restarts, endpoints that go, other modes',
  run: (context) => runProgram(context, { entry: 'test/vm/programs/ipvs-life.ts', files: [prober] }),
}

export const ipvsTrace: Part = {
  name: 'ipvs-trace',
  title: 'net trace in IPVS mode',
  run: (context) => runProgram(context, { entry: 'test/vm/programs/ipvs-trace.ts' }),
}

export const ipvsUpdate: Part = {
  name: 'ipvs-update',
  title: 'a rolling update under load in IPVS mode',
  run: (context) =>
    runProgram(context, {
      entry: 'test/vm/programs/ipvs-update.ts',
      programs: ['images/testbox/server/main.ts'],
      files: ['test/support/load/paced-client.mjs'],
    }),
}

export const ipvsScale: Part = {
  name: 'ipvs-scale',
  title: 'the IPVS proxy mode with many endpoints in one Service, and with many Services',
  run: (context) =>
    runProgram(context, {
      entry: 'test/vm/programs/ipvs-scale.ts',
      // Services, and endpoints of each. The peak of memory is that of what came before, too.
      args: ['1x5000', '10000x10'],
      files: ['test/bench/load/connect-times.py'],
    }),
}

export const ipvsPackets: Part = {
  name: 'ipvs-packets',
  title: 'the packet suite in IPVS mode, host-gw and VXLAN',
  run: (context) => runProgram(context, packetSuite('ipvs')),
}

export const packets: Part = {
  name: 'packets',
  title: "the packet suite in the other modes, on the guest's kernel",
  run: (context) => runProgram(context, packetSuite('iptables,nftables,userspace')),
}

/** Patience is for a machine that is ten times slower than its host. */
function packetSuite(modes: string) {
  return {
    entry: 'test/packets/main.ts',
    args: ['--modes', modes, '--networks', 'host-gw,vxlan', '--timeout', '15', '--at-once', '16'],
    files: [prober],
  }
}
