// /livez, /readyz and /healthz, as load balancers and kubectl ask for them: "ok", or the checks that fail.
// https://kubernetes.io/docs/reference/using-api/health-checks/

import type { ApiRequest, ApiResponse } from '../exchange.ts'

/** Throws when something is wrong. */
type HealthCheck = () => void | Promise<void>

export interface HealthChecks {
  /** The process should be restarted if one of them fails. */
  live: Record<string, HealthCheck>
  /** Requests cannot be served yet, or no more, if one of them fails. */
  ready: Record<string, HealthCheck>
}

/** Answers a request for health; undefined if the request is about something else. */
export async function answerHealth({ url }: ApiRequest, checks: HealthChecks): Promise<ApiResponse | undefined> {
  const match = /^\/(livez|readyz|healthz)(?:\/([^/]+))?$/.exec(url.pathname)
  if (match === null) return undefined
  const [, endpoint = '', only] = match
  const chosen = Object.entries(
    endpoint === 'readyz' ? { ping: () => {}, ...checks.live, ...checks.ready } : { ping: () => {}, ...checks.live },
  ).filter(([name]) => only === undefined || name === only)
  if (chosen.length === 0) return text(404, '404 page not found\n')
  const results = await Promise.all(chosen.map(([name, check]) => runCheck(name, check)))
  const failed = results.some(({ passed }) => !passed)
  if (!failed && !url.searchParams.has('verbose')) return text(200, 'ok')
  const lines = results.map(({ line }) => line).join('\n')
  return text(failed ? 500 : 200, `${lines}\n${endpoint} check ${failed ? 'failed' : 'passed'}\n`)
}

async function runCheck(name: string, check: HealthCheck): Promise<{ passed: boolean; line: string }> {
  try {
    await check()
    return { passed: true, line: `[+]${name} ok` }
  } catch {
    // Anybody may ask: why it failed is for the log.
    return { passed: false, line: `[-]${name} failed: reason withheld` }
  }
}

function text(status: number, body: string): ApiResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}
