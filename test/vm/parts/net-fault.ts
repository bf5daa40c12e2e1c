// Delays of `net fault`, by netem.

import type { Part } from '../part.ts'
import { runProgram } from '../program.ts'

export const netFault: Part = {
  name: 'net-fault',
  title: 'net fault delay',
  run: (context) => runProgram(context, { entry: 'test/vm/programs/net-fault.ts' }),
}
