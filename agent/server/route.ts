// The server's paths, which are those of Kubernetes' node agent. Pure.

import { noSuchPath } from '../../api/objects/status-error.ts'

export type Route =
  | { action: 'healthz' | 'pods' | 'stats' | 'net'; query: URLSearchParams }
  | {
      action: 'containerLogs' | 'exec' | 'attach'
      namespace: string
      pod: string
      container: string
      query: URLSearchParams
    }
  | { action: 'portForward'; namespace: string; pod: string; query: URLSearchParams }
  | { action: 'tunnel'; namespace: string; pod: string; query: URLSearchParams }

/** Throws 404 for a path that is none. A uid between pod and container, as older clients send it, is passed over. */
export function parseRoute(path: string): Route {
  const { pathname, searchParams: query } = new URL(path, 'https://agent')
  const [action = '', namespace = '', pod = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent)
  if (pathname === '/healthz' || pathname === '/pods')
    return { action: pathname === '/pods' ? 'pods' : 'healthz', query }
  if (pathname === '/stats/summary') return { action: 'stats', query }
  if (action === 'net') return { action, query }
  if (namespace === '' || pod === '') throw noSuchPath()
  if (action === 'portForward' || action === 'tunnel') return { action, namespace, pod, query }
  const container = rest.at(-1)
  if (container === undefined || container === '') throw noSuchPath()
  if (action === 'containerLogs' || action === 'exec' || action === 'attach')
    return { action, namespace, pod, container, query }
  throw noSuchPath()
}

/** True for "1", "true" and the bare name, as Go's clients write them. */
export function readFlag(query: URLSearchParams, ...names: string[]): boolean {
  return names.some((name) => ['1', 'true', ''].includes(query.get(name) ?? 'false'))
}
