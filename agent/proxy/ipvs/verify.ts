// The differences between what is wanted and what the kernel holds, in the words of the kernel's tools. Pure.

import type { Difference } from '../../../api/net/difference.ts'
import { deviceName, type Kernel } from './kernel.ts'
import type { Touched, Wanted } from './wanted.ts'

const nobody = 'Services'

/** Real servers that drain are as wanted: they go with their last connection. */
export function findDifferences(
  wanted: Wanted,
  kernel: Kernel,
  { addresses, elements, servers }: Touched,
): Difference[] {
  return [
    ...[...addresses].flatMap((key) =>
      compare('address', `${key} dev ${deviceName}`, wanted.addresses.has(key), kernel.addresses.has(key), nobody),
    ),
    ...[...elements].flatMap((key) => {
      const comment = wanted.elements.get(key)
      const owner = toOwner(comment ?? kernel.elements.get(key))
      return compare('element', key, comment !== undefined, kernel.elements.has(key), owner)
    }),
    ...[...servers].flatMap((key) => findServerDifferences(wanted, kernel, key)),
  ]
}

function findServerDifferences(wanted: Wanted, kernel: Kernel, key: string): Difference[] {
  const [wants, has] = [wanted.servers.get(key), kernel.servers.get(key)]
  const owner = toOwner(wants?.owner)
  if (wants === undefined || has === undefined)
    return compare('rule', `ipvs ${key}`, wants !== undefined, has !== undefined, owner)
  const differences: Difference[] =
    wants.options === has.options
      ? []
      : [
          {
            kind: 'rule',
            name: `ipvs ${key}`,
            state: 'different',
            owner,
            detail: `has ${has.options}, must have ${wants.options}`,
          },
        ]
  const name = (realServer: string) => `ipvs ${key} -r ${realServer}`
  for (const realServer of wants.realServers) {
    const weight = has.realServers.get(realServer)?.weight
    if (weight === 0)
      differences.push({ kind: 'element', name: name(realServer), state: 'different', owner, detail: 'has weight 0' })
    else differences.push(...compare('element', name(realServer), true, weight !== undefined, owner))
  }
  const kept = new Set(wants.realServers)
  for (const [realServer, { weight }] of has.realServers)
    if (!kept.has(realServer) && weight !== 0)
      differences.push(...compare('element', name(realServer), false, true, owner))
  return differences
}

function compare(kind: Difference['kind'], name: string, wanted: boolean, there: boolean, owner: string): Difference[] {
  return wanted === there ? [] : [{ kind, name, state: wanted ? 'missing' : 'extra', owner }]
}

/** "default/web:http" is a port of the Service default/web; an element has it in its comment. */
function toOwner(text = ''): string {
  const service = /([^"\s:/]+\/[^"\s:/]+)/.exec(text)?.[1]
  return service === undefined ? nobody : `Service ${service}`
}
