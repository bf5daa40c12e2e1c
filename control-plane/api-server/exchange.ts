// What the API server's core takes and gives, free of any transport. server.ts turns HTTPS into it, local-transport.ts a
// direct call from the same process.

/** Who asks, as authentication found out. */
export interface User {
  name: string
  groups: string[]
  uid?: string
  /** What else authentication knows, such as the pod that holds a token. */
  extra?: Record<string, string[]>
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

export interface ApiRequest {
  method: string
  /** Path and query as sent. */
  url: URL
  /** Lower-case names. */
  headers: Record<string, string | undefined>
  /** The whole body; limits are enforced while it is read. */
  body: Uint8Array
  user: User
  /** Aborts when the client has gone. */
  signal: AbortSignal
}

export interface ApiResponse {
  status: number
  headers: Record<string, string>
  /** A watch or a log is a stream of chunks, each sent at once. */
  body: string | Uint8Array | AsyncIterable<string | Uint8Array>
}

/** Answers every request; what goes wrong becomes a Status body, nothing is thrown. */
export interface RequestHandler {
  handle(request: ApiRequest): Promise<ApiResponse>
}
