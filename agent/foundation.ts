// What all parts of the agent stand on, made once in main.ts.

import type { Logger } from 'pino'
import type { Client } from '../api/client/client.ts'
import type { EventRecorder } from '../api/client/event-recorder.ts'
import type { ClusterView } from './cluster-view.ts'
import type { DockerRuntime } from './docker/docker-runtime.ts'
import type { Machine } from './node/machine.ts'
import type { PressureGauge } from './node/pressure.ts'
import type { AgentOptions } from './options.ts'

export interface Foundation {
  options: AgentOptions
  client: Client
  recorder: EventRecorder
  runtime: DockerRuntime
  view: ClusterView
  machine: Machine
  pressure: PressureGauge
  log: Logger
  /** Logs what a part could not do, and will try again. */
  report: (part: string) => (error: unknown) => void
}

/** Where this node's servers listen: an IPv6 socket takes both families, and a node without IPv6 has none. */
export function listenAddressOf({ nodeIps }: Pick<AgentOptions, 'nodeIps'>): string {
  return nodeIps.some((ip) => ip.includes(':')) ? '::' : '0.0.0.0'
}
