// One exchange with an API server, however it travels.

export interface TransportRequest {
  method: string
  /** With the query: "/api/v1/pods?watch=true". */
  path: string
  /** Lower-case names. */
  headers: Record<string, string>
  body?: string | Uint8Array
  signal?: AbortSignal
}

export interface TransportResponse {
  status: number
  /** Lower-case names. */
  headers: Record<string, string>
  /** The body, as it comes; must be read to its end or returned early (break), which ends the exchange. */
  body: AsyncIterable<Uint8Array>
}

/** Throws only when no response came; an answer of status 500 is a response. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>
  close(): Promise<void>
}
