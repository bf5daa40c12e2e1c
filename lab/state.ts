// The few choices of `lab up` that later commands need: which node network, how many nodes, which modes.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chooseSubnet, type LabLayout, planLab } from './layout.ts'
import { hostDestinations } from './switch.ts'

export interface LabChoices {
  subnet: string
  nodes: number
  proxyMode: string
  network: string
}

const fileOf = (lab: string) => join(`/var/lib/fairlead-${lab}`, 'lab.json')

/** What `lab up` chose, or undefined when no lab is up. */
export function readChoices(lab: string): LabChoices | undefined {
  return existsSync(fileOf(lab)) ? JSON.parse(readFileSync(fileOf(lab), 'utf8')) : undefined
}

/** Keeps the choices of a lab that is up; a different wish is an error that says what to do. */
export async function ensureChoices(lab: string, wish: Omit<LabChoices, 'subnet'>): Promise<LabChoices> {
  const known = readChoices(lab)
  if (known === undefined) {
    const choices = { subnet: chooseSubnet(await hostDestinations(planLab(lab, '0.0.0', 0).hostLink)), ...wish }
    writeChoices(lab, choices)
    return choices
  }
  for (const name of ['nodes', 'proxyMode', 'network'] as const) {
    if (known[name] !== wish[name])
      throw new Error(
        `a lab with ${name} ${known[name]} is up: run \`scripts/lab down\` before you bring one up with ${wish[name]}`,
      )
  }
  return known
}

function writeChoices(lab: string, choices: LabChoices): void {
  mkdirSync(dirname(fileOf(lab)), { recursive: true })
  writeFileSync(`${fileOf(lab)}.tmp`, JSON.stringify(choices))
  renameSync(`${fileOf(lab)}.tmp`, fileOf(lab))
}

/** The lab that is up. Throws when there is none. */
export function currentLab(lab: string): LabLayout {
  const choices = readChoices(lab)
  if (choices === undefined) throw new Error('no lab is up: run `scripts/lab up`')
  return planLab(lab, choices.subnet, choices.nodes, choices.network)
}
