// Networks broken on purpose: by which commands, what a packet then meets, and how it is mended again. The commands are those
// that people type. Each case says what becomes of a real connection too, so that nothing is taken for broken that is not.

import type { Cause } from '../../api/net/trace.ts'
import type { BrokenCluster } from './broken-cluster.ts'

export interface BrokenNetwork {
  name: string
  /** "HOST: command"; {mac of c}, {ip of c} and {chain of web} are filled in. */
  break: string[] | ((cluster: BrokenCluster) => Promise<void>)
  heal: string[]
  /** A host name, to a pod's name, a Service's, or an address; port 8080 for pods and 80 for Services when absent. */
  from: string
  to: string
  port?: number
  protocol?: 'tcp' | 'udp'
  expected: {
    cause: Cause
    /** "node-1" or a pod's name. */
    at: string
    /** Words that the explanation must have. */
    says?: RegExp
    /** On the way back; a warning about what works all the same. */
    as?: 'reply' | 'warning'
  }
  /** That of the sender; any when absent. */
  sourcePort?: number
  /** What a real packet meets. "large": only large packets are lost, which a small exchange does not show. */
  real: 'silent' | 'refused' | 'answered' | 'large'
  /** The destination is nobody's, broken or not. */
  isNowhere?: boolean
  /** The proxy's own rules: verify names them, and repair mends them. */
  isServices?: boolean
}
