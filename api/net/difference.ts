// What `net verify` reports: one shape for every part of a node that writes to the kernel.

/** One thing in a node's kernel that is not as the cluster wants it. */
export interface Difference {
  /** What kind of thing, in the words of the tool that shows it. */
  kind: 'link' | 'address' | 'route' | 'neighbour' | 'fdb' | 'rule' | 'chain' | 'element' | 'sysctl' | 'mtu' | 'file'
  /** How the kernel's own tool would name it, such as "10.244.2.0/24 via 192.0.2.12 dev eth0". */
  name: string
  state: 'missing' | 'extra' | 'different'
  /** The object that wants it, such as "Service default/web" or "Node node-2"; of extra things, the part that they belonged to. */
  owner: string
  /** For "different": what is there, and what is wanted. */
  detail?: string
}

/** A part of the agent that can say what the kernel lacks, and mend it. */
export interface Verifiable {
  /** Compares and changes nothing. */
  verify(): Promise<Difference[]>
  /** Mends what verify would report; does not touch what is not ours. */
  repair(): Promise<void>
}
