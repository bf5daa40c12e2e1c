// A host as tests have it.

import type { Machine } from './machine.ts'

export const testMachine: Machine = {
  cpus: 2,
  memoryBytes: 4 * 2 ** 30,
  diskBytes: 10 * 2 ** 30,
  info: {
    architecture: 'amd64',
    operatingSystem: 'linux',
    kernelVersion: '6.1',
    osImage: 'Debian',
    bootID: 'b',
    machineID: 'm',
    systemUUID: 's',
  },
}
