// Signs and checks service account tokens: JSON Web Tokens, ES256. It knows keys and claims, nothing of the cluster.
// Tokens are never part of an error or a log line.

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { errors, exportJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'

const algorithm = 'ES256'
/** Checked signatures that are remembered: a client sends the same token with every request. */
const knownLimit = 2_000
/** Clocks differ. */
const toleranceSeconds = 10

export interface TokenSignerOptions {
  /** PEM of an EC P-256 private key. */
  key: string
  /** Becomes the iss of every token; others are refused. */
  issuer: string
}

export class TokenSigner {
  readonly issuer: string
  readonly #key: KeyObject
  readonly #publicKey: KeyObject
  readonly #keyId: string
  readonly #known = new Map<string, JWTPayload>()

  constructor({ key, issuer }: TokenSignerOptions) {
    this.issuer = issuer
    this.#key = createPrivateKey(key)
    this.#publicKey = createPublicKey(this.#key)
    this.#keyId = createHash('sha256')
      .update(this.#publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url')
  }

  /** The claims, with the issuer, as a token. */
  async sign(claims: JWTPayload): Promise<string> {
    const token = new SignJWT({ ...claims, iss: this.issuer })
    return await token.setProtectedHeader({ alg: algorithm, kid: this.#keyId }).sign(this.#key)
  }

  /** The claims of a token that this key signed and that holds now; undefined for any other text. */
  async verify(token: string): Promise<JWTPayload | undefined> {
    const claims = this.#known.get(token) ?? (await this.#check(token))
    if (claims === undefined) return undefined
    const nowSeconds = Date.now() / 1000
    const { exp = 0, nbf = 0 } = claims
    if (nowSeconds < nbf - toleranceSeconds) return undefined
    if (nowSeconds <= exp) return claims
    this.#known.delete(token)
    return undefined
  }

  /** The public key, for everybody who checks tokens without asking. */
  async publicKeys(): Promise<{ keys: JWK[] }> {
    return { keys: [{ ...(await exportJWK(this.#publicKey)), use: 'sig', alg: algorithm, kid: this.#keyId }] }
  }

  async #check(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, { algorithms: [algorithm], issuer: this.issuer })
      if (this.#known.size >= knownLimit) this.#known.clear()
      this.#known.set(token, payload)
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined // not one of ours, or over
      throw error
    }
  }
}
