// A part of the vm stage: something that needs a kernel of its own. One file each below parts/, listed in parts/index.ts.

import type { Guest } from './guest.ts'

export interface Part {
  /** What `scripts/test vm NAME` calls it. */
  name: string
  /** What it shows, in a few words. */
  title: string
  /** Runs in a guest that other parts have used: makes what it needs, and removes it. Throws when it cannot even begin. */
  run(context: PartContext): Promise<PartResult>
}

export interface PartContext {
  guest: Guest
  /** A second guest, booted when it is first asked for: each has an end of the cable between them as eth1. */
  peer(): Promise<Guest>
  /** Path of the pinned Node in the guest. */
  node: string
  /** Shows one line of progress. */
  say(line: string): void
}

export interface PartResult {
  passed: number
  failed: number
  skipped: number
}
