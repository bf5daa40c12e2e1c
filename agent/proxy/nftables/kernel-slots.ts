// Reads out of a table in the kernel which numbers the endpoints of each Service have there, so that an agent that starts
// goes on with them. Pure.

import { slotSources } from './elements.ts'
import type { SlotSource } from './family-table.ts'
import type { Listing } from './listing.ts'
import { parseSlot } from './slots.ts'

/** Endpoints in the order of their numbers, by the key that is theirs. */
type Numbers = Map<string, (string | undefined)[]>

/** Where the ports of one address family get their numbers from. */
export function readSlots(listing: Listing | undefined): SlotSource {
  const numbers = { '': readNumbers(listing, ''), 'local-': readNumbers(listing, 'local-') }
  return (port) => {
    const { cluster, local } = slotSources(port)
    return {
      cluster: numbers[cluster[0]].get(cluster[1]) ?? [],
      local: numbers[local[0]].get(local[1]) ?? [],
    }
  }
}

function readNumbers(listing: Listing | undefined, prefix: '' | 'local-'): Numbers {
  const numbers: Numbers = new Map()
  const endpointOf = listing?.sets.get(`${prefix}sticky-endpoints`)
  for (const [key, { value }] of listing?.sets.get(`${prefix}endpoints`) ?? []) put(numbers, key, value)
  for (const [key, { value: id }] of listing?.sets.get(`${prefix}sticky-ids`) ?? [])
    put(numbers, key, endpointOf?.get(`${withoutNumber(key)} . ${id}`)?.value)
  return numbers
}

function put(numbers: Numbers, key: string, endpoint: string | undefined): void {
  const spreadKey = withoutNumber(key)
  const endpoints = numbers.get(spreadKey) ?? []
  endpoints[parseSlot(key.slice(key.lastIndexOf(' ') + 1))] = endpoint
  numbers.set(spreadKey, endpoints)
}

function withoutNumber(key: string): string {
  return key.slice(0, key.lastIndexOf(' . '))
}
