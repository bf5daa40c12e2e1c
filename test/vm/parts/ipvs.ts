// The IPVS proxy mode, which the kernels of containers and small machines often lack.

import type { Part } from '../part.ts'
import { runProgram } from '../program.ts'

export const ipvs: Part = {
  name: 'ipvs',
  title: 'the IPVS proxy mode, judged by packets',
  run: (context) => runProgram(context, { entry: 'test/vm/programs/ipvs.ts' }),
}
