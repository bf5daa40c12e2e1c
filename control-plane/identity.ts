import type { CertificateOrder } from '../api/certificates/certificate-order.ts'
import { addressAt } from '../api/net/address-range.ts'
import { httpsUrl } from '../api/objects/addresses.ts'
import type { ServeOptions } from './options.ts'
import { ensurePki, type Pki, type PkiOptions, signAsAuthority } from './pki/pki.ts'

/** The cluster's certificates while the control plane runs. */
export class Identity {
  readonly #dataDir: string
  readonly #options: PkiOptions
  #pki: Pki

  private constructor(dataDir: string, options: PkiOptions, pki: Pki) {
    this.#dataDir = dataDir
    this.#options = options
    this.#pki = pki
  }

  /** Reads or makes them for the names and addresses that the options name. */
  static async make(serve: ServeOptions): Promise<Identity> {
    const { dataDir, bindAddress, advertiseAddress, serverName = [], port, serviceCidr, clusterDomain } = serve
    const isAnyAddress = bindAddress === '0.0.0.0' || bindAddress === '::'
    const options = {
      serverNames: [...serverName, advertiseAddress, ...(isAnyAddress ? [] : [bindAddress])],
      serviceAddress: addressAt(serviceCidr[0] ?? '', 1),
      clusterDomain,
      serverUrl: httpsUrl(serverName[0] ?? advertiseAddress, port),
    }
    return new Identity(dataDir, options, await ensurePki(dataDir, options))
  }

  /** The newest. */
  get pki(): Pki {
    return this.#pki
  }

  /** Signs for others. */
  async sign(order: CertificateOrder): Promise<string> {
    return await signAsAuthority(this.#dataDir, order)
  }

  /** Where others reach the API server. */
  get serverUrl(): string {
    return this.#options.serverUrl
  }

  /** Makes those anew that end soon. */
  async renew(): Promise<void> {
    this.#pki = await ensurePki(this.#dataDir, this.#options)
  }
}
