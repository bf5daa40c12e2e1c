// The plugin's part of a network configuration, checked.

import { type AddressRange, parseRange } from './ipam/range.ts'
import { CniError, errorCodes, type NetworkConfig, supportedVersions } from './spec.ts'

export interface CbrConfig {
  cniVersion: string
  /** Name of the network; reservations of different networks do not meet. */
  name: string
  bridge: string
  mtu: number
  hairpin: boolean
  range: AddressRange
  /** Where reservations are kept. */
  dataDir: string
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
    range: range(ipam),
    dataDir: text('ipam.dataDir', ipam.dataDir ?? '/var/lib/cni/fairlead', /^\//),
  }
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

function invalid(field: string, value: unknown, reason: string): CniError {
  return new CniError(
    errorCodes.invalidConfig,
    `invalid network configuration: ${field} ${JSON.stringify(value) ?? 'absent'}: ${reason}`,
  )
}
