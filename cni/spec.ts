// Words of the CNI specification 1.1 (https://www.cni.dev/docs/spec/): configuration, results, errors.

/** Versions of the specification that results can be given in. 0.3.x and 0.4.0 also want "version" in each address. */
export const supportedVersions = ['0.3.1', '0.4.0', '1.0.0', '1.1.0']

export interface NetworkConfig {
  cniVersion: string
  name: string
  type: string
  ipam?: { type?: string; [key: string]: unknown }
  prevResult?: CniResult
  runtimeConfig?: Record<string, unknown>
  [key: string]: unknown
}

interface CniInterface {
  name: string
  mac?: string
  mtu?: number
  /** Path of the namespace; absent for interfaces on the host. */
  sandbox?: string
}

export interface CniResult {
  cniVersion: string
  interfaces?: CniInterface[]
  ips?: { address: string; gateway?: string; interface?: number; version?: '4' | '6' }[]
  routes?: { dst: string; gw?: string }[]
  dns?: { nameservers?: string[] }
}

/** What a runtime tells the plugin by environment variables. */
export interface Invocation {
  containerId: string
  /** Path of the namespace; may be gone at DEL. */
  netns?: string
  ifname: string
  /** Pairs of CNI_ARGS, such as K8S_POD_NAME. */
  args?: Record<string, string>
}

/** Codes of section "Error" of the specification. */
export const errorCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodeFailure: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  /** From 100 on the codes are the plugin's own: every address of the range is taken. */
  rangeFull: 100,
  /** CHECK found something else than ADD made. */
  checkFailed: 101,
} as const

/** An error as the specification wants it on stdout. */
export class CniError extends Error {
  readonly code: number
  readonly details: string

  constructor(code: number, message: string, details = '', cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.details = details
  }

  toJson(cniVersion: string): object {
    return { cniVersion, code: this.code, msg: this.message, ...(this.details !== '' && { details: this.details }) }
  }
}

/** The error of a field of the configuration: its name, its value, the reason. */
export function invalidConfig(field: string, value: unknown, reason: string): CniError {
  return new CniError(
    errorCodes.invalidConfig,
    `invalid network configuration: ${field} ${JSON.stringify(value) ?? 'absent'}: ${reason}`,
  )
}
