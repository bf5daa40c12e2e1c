// Serves Services by iptables and ip6tables: the families that the cluster's pods have.

import type { Difference } from '../../../api/net/difference.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import { FamilyRules } from './family-rules.ts'
import { kernelWay } from './spread.ts'
import type { Way } from './way.ts'

export class IptablesBackend implements ProxyBackend {
  readonly #families: readonly FamilyRules[]

  constructor(options: BackendOptions) {
    this.#families = makeFamilies(options, kernelWay)
  }

  async apply(changes: ServiceChanges): Promise<void> {
    await inEach(this.#families, (family) => family.apply(changes))
  }

  async resync(): Promise<void> {
    await inEach(this.#families, (family) => family.resync())
  }

  async verify(): Promise<Difference[]> {
    return (await inEach(this.#families, (family) => family.verify())).flat()
  }
}

/** All at once. Waits for all, also when one fails: the next call must not meet one that still writes. */
export async function inEach<T>(
  families: readonly FamilyRules[],
  call: (family: FamilyRules) => Promise<T>,
): Promise<T[]> {
  const calls = families.map(call)
  await Promise.allSettled(calls)
  return await Promise.all(calls)
}

/** One keeper of rules for each family that pods have addresses of. */
export function makeFamilies(
  { clusterCidrs, serviceCidrs = [], netns }: BackendOptions,
  makeWay: (ranges: Pick<Way, 'clusterCidr' | 'serviceCidr'>) => Way,
): FamilyRules[] {
  return clusterCidrs.map((clusterCidr) => {
    const family = familyOf(clusterCidr)
    const serviceCidr = serviceCidrs.find((range) => familyOf(range) === family)
    return new FamilyRules(family, makeWay({ clusterCidr, serviceCidr }), netns === undefined ? {} : { netns })
  })
}
