// What the server needs to know of the node's pods. The pod manager implements it.

import type { Pod } from '../../api/generated/types.ts'

/** A container as requests name it. */
export interface FoundContainer {
  /** The runtime's id. */
  id: string
  tty: boolean
  stdin: boolean
}

export interface PodLookup {
  /**
   * The container's running or last instance; with `previous` the instance before that. Undefined when the node has no
   * such pod or container; may throw a StatusError that says more, such as that it waits to be started.
   */
  findContainer(
    namespace: string,
    pod: string,
    container: string,
    options?: { previous?: boolean },
  ): Promise<FoundContainer | undefined>
  /** The pod's ready sandbox. */
  findSandbox(namespace: string, pod: string): Promise<{ id: string } | undefined>
  /** The pods that were assigned to the node, with the status that was last reported. */
  pods(): Pod[]
}
