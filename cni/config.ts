// The plugin's part of a network configuration, checked.

import { type Bandwidth, parseBandwidth } from './bridge/bandwidth.ts'
import { type PortMapping, parsePortMappings } from './bridge/host-ports.ts'
import { type AddressRange, parseRange } from './ipam/range.ts'
import { CniError, errorCodes, invalidConfig as invalid, type NetworkConfig, supportedVersions } from './spec.ts'

export interface CbrConfig {
  cniVersion: string
  /** Name of the network; reservations of different networks do not meet. */
  name: string
  bridge: string
  mtu: number
  hairpin: boolean
  /** A pod gets an address of each; the first also gives hardware addresses. */
  ranges: AddressRange[]
  /** Where reservations are kept. */
  dataDir: string
  /** Whether what a pod sends from an address that is not its own is dropped. */
  sourceCheck: boolean
  portMappings: PortMapping[]
  bandwidth: Bandwidth
}

/** Reads the configuration. Throws a CniError that names the field, the value and the reason. */
export function parseConfig(config: NetworkConfig): CbrConfig {
  if (!supportedVersions.includes(config.cniVersion)) {
    throw new CniError(
      errorCodes.incompatibleVersion,
      `cniVersion "${config.cniVersion}" is not supported`,
      `supported: ${supportedVersions.join(', ')}`,
    )
  }
  const ipam: Record<string, unknown> = config.ipam ?? {}
  return {
    cniVersion: config.cniVersion,
    name: text('name', config.name, /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/),
    bridge: text('bridge', config.bridge ?? 'cbr0', /^[a-zA-Z0-9_.-]{1,15}$/),
    mtu: mtu(config.mtu ?? 1500),
    hairpin: config.hairpinMode !== false,
    ranges: ranges(ipam),
    dataDir: text('ipam.dataDir', ipam.dataDir ?? '/var/lib/cni/fairlead', /^\//),
    sourceCheck: config.sourceCheck !== false,
    portMappings: parsePortMappings(config.runtimeConfig?.portMappings ?? []),
    bandwidth: parseBandwidth(config.runtimeConfig?.bandwidth ?? {}),
  }
}

/** One range as "subnet", or one a family as host-local writes them: "ranges": [[{"subnet": …}], [{"subnet": …}]]. */
function ranges(ipam: Record<string, unknown>): AddressRange[] {
  if (ipam.ranges === undefined) return [range(ipam)]
  if (!Array.isArray(ipam.ranges) || ipam.ranges.length === 0 || ipam.subnet !== undefined)
    throw invalid(
      'ipam.ranges',
      ipam.ranges,
      'must be a list of lists with one subnet each, without ipam.subnet beside it',
    )
  const parsed = ipam.ranges.map((set: unknown) => {
    if (Array.isArray(set) && set.length === 1 && typeof set[0] === 'object') return range(set[0])
    throw invalid('ipam.ranges', ipam.ranges, 'each list must hold one subnet')
  })
  if (new Set(parsed.map(({ bits }) => bits)).size < parsed.length)
    throw invalid('ipam.ranges', ipam.ranges, 'must not hold two ranges of one family')
  return parsed
}

function range({ subnet, gateway }: Record<string, unknown>): AddressRange {
  try {
    return parseRange(
      text('ipam.subnet', subnet, /./),
      gateway === undefined ? undefined : text('ipam.gateway', gateway, /./),
    )
  } catch (error) {
    throw error instanceof CniError
      ? error
      : invalid('ipam.subnet', subnet, error instanceof Error ? error.message : String(error))
  }
}

function mtu(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 68 && value <= 65_535) return value
  throw invalid('mtu', value, 'must be a whole number from 68 to 65535')
}

function text(field: string, value: unknown, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw invalid(field, value, value === undefined ? 'is required' : `must match ${pattern.source}`)
}
