// The network kind wireguard, which wants a kernel module.

import type { Part } from '../part.ts'
import { runProgram } from '../program.ts'

export const wireguard: Part = {
  name: 'wireguard',
  title: 'the encrypted pod network',
  run: (context) =>
    runProgram(context, {
      entry: 'test/vm/programs/wireguard.ts',
      programs: ['test/support/pod-node-process.ts'],
    }),
}
