import { badRequest } from '../../../api/objects/status-error.ts'

/** What a proxied request is for, as its path names it. */
export interface ProxyTarget {
  scheme: 'http' | 'https'
  name: string
  /** A number or a name; "" if the path has none. */
  port: string
}

/** Reads "name", "name:port" or "scheme:name:port", as the proxy subresource takes them. Throws BadRequest. */
export function parseTarget(text: string): ProxyTarget {
  const parts = text.split(':')
  const [first = '', second = '', third = ''] = parts
  if (parts.length < 3) return { scheme: 'http', name: first, port: second }
  if (parts.length > 3 || (first !== 'http' && first !== 'https' && first !== ''))
    throw badRequest(`invalid proxy target "${text}": write name, name:port, http:name:port or https:name:port`)
  return { scheme: first === 'https' ? 'https' : 'http', name: second, port: third }
}
