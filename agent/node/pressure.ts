// Whether the machine runs out of memory, disk or process ids. Thresholds are Kubernetes' own for eviction:
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds

import { readFile, statfs } from 'node:fs/promises'

export interface Pressure {
  memory: boolean
  disk: boolean
  pids: boolean
}

/** What was read of the machine last. */
export interface PressureReading extends Pressure {
  memoryAvailableBytes: number
}

/** Available memory below which the node is short of it, in bytes. */
export const leastMemoryBytes = 100 * 1024 * 1024
const leastDiskShare = 0.1
const leastPidShare = 0.02

/** One reading for all who ask; the evictor renews it. */
export class PressureGauge {
  readonly #dataDir: string
  #last: PressureReading

  private constructor(dataDir: string, first: PressureReading) {
    this.#dataDir = dataDir
    this.#last = first
  }

  static async open(dataDir: string): Promise<PressureGauge> {
    return new PressureGauge(dataDir, await readPressure(dataDir))
  }

  /** As it was when it was read last. */
  get last(): PressureReading {
    return this.#last
  }

  /** Looks at the machine now. */
  async read(): Promise<PressureReading> {
    this.#last = await readPressure(this.#dataDir)
    return this.#last
  }
}

async function readPressure(dataDir: string): Promise<PressureReading> {
  const [memoryAvailableBytes, loadavg, pidMax, disk] = await Promise.all([
    readAvailableMemory(),
    readFile('/proc/loadavg', 'utf8'),
    readFile('/proc/sys/kernel/pid_max', 'utf8'),
    statfs(dataDir),
  ])
  const verdict = judgePressure({
    memoryAvailableBytes,
    diskFreeShare: disk.blocks === 0 ? 1 : disk.bavail / disk.blocks,
    processes: Number(/\/(\d+)/.exec(loadavg)?.[1] ?? 0),
    pidMax: Number(pidMax),
  })
  return { ...verdict, memoryAvailableBytes }
}

/** Memory that programs can have without anything being swapped out, in bytes (proc(5), MemAvailable). */
async function readAvailableMemory(): Promise<number> {
  const meminfo = await readFile('/proc/meminfo', 'utf8')
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? Number.MAX_SAFE_INTEGER) * 1024
}

/** The verdict on figures; pure. */
export function judgePressure(figures: {
  memoryAvailableBytes: number
  diskFreeShare: number
  processes: number
  pidMax: number
}): Pressure {
  return {
    memory: figures.memoryAvailableBytes < leastMemoryBytes,
    disk: figures.diskFreeShare < leastDiskShare,
    pids: figures.pidMax - figures.processes < figures.pidMax * leastPidShare,
  }
}
