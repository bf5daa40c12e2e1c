// What lets others check tokens by themselves: the issuer's document and its public keys.
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery

import type { ApiRequest, ApiResponse } from '../exchange.ts'
import type { TokenSigner } from './token-signer.ts'

const keysPath = '/openid/v1/jwks'

/** Answers the two paths; undefined for others. keysUrl is where the keys are fetched, such as "https://10.0.0.1:6443". */
export async function answerIssuerDiscovery(
  { url, method }: ApiRequest,
  signer: TokenSigner,
  serverUrl: string,
): Promise<ApiResponse | undefined> {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  if (url.pathname === keysPath) return respond(await signer.publicKeys(), 'application/jwk-set+json')
  if (url.pathname !== '/.well-known/openid-configuration') return undefined
  return respond(
    {
      issuer: signer.issuer,
      jwks_uri: `${serverUrl}${keysPath}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    },
    'application/json',
  )
}

function respond(value: object, contentType: string): ApiResponse {
  const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' }
  return { status: 200, headers, body: JSON.stringify(value) }
}
