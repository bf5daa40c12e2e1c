import { parseBootstrapToken } from '../../../api/client/join/bootstrap-token.ts'
import type { ClusterReader } from '../admission/admission.ts'
import { authenticateBootstrapToken } from './bootstrap-token-authenticator.ts'
import type { TokenAuthenticator, TokenHolder } from './token-authenticator.ts'

/** All kinds of bearer tokens: those of service accounts, and those of hosts that join. */
export class BearerTokens {
  readonly #accounts: TokenAuthenticator
  readonly #apiAudience: string
  readonly #cluster: ClusterReader

  /** apiAudience stands for the API server among the audiences of a token. */
  constructor(accounts: TokenAuthenticator, apiAudience: string, cluster: ClusterReader) {
    this.#accounts = accounts
    this.#apiAudience = apiAudience
    this.#cluster = cluster
  }

  /** The holder of a good token; undefined for any other text. No audiences: the token is for the API server. */
  async authenticate(
    token: string,
    audiences: readonly string[] = [this.#apiAudience],
  ): Promise<TokenHolder | undefined> {
    const bootstrap = parseBootstrapToken(token)
    if (bootstrap === undefined) return await this.#accounts.authenticate(token, audiences)
    // These are for the API server and nobody else.
    if (!audiences.includes(this.#apiAudience)) return undefined
    const user = await authenticateBootstrapToken(this.#cluster, bootstrap, Date.now())
    return user && { user, audiences: [this.#apiAudience] }
  }
}
