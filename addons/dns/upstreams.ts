// Who is asked about names outside the cluster: addresses on the command line, or those of a resolv.conf.

import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Address } from './upstream.ts'

/** Reads "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353" or "2001:db8::53". Throws what is wrong with it. */
export function parseAddress(text: string): Address {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:]+)(?::(\d+))?$/.exec(text)
  const [, host = text, port = '53'] = bracketed ?? plain ?? []
  if (isIP(host) === 0) throw new Error(`"${text}" is no IP address, with or without a port`)
  if (Number(port) < 1 || Number(port) > 65_535) throw new Error(`"${text}": the port must be from 1 to 65535`)
  return { host, port: Number(port) }
}

/** The servers of a resolv.conf(5). */
export function readResolvConf(path: string): Address[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [, host] = /^\s*nameserver\s+(\S+)/.exec(line) ?? []
    return host === undefined || isIP(host.split('%')[0] ?? '') === 0 ? [] : [{ host, port: 53 }]
  })
}

/** Addresses for some names: "corp.example=192.0.2.53,192.0.2.54". */
export interface Stub {
  /** Normalized; names below it are meant too. */
  zone: string
  addresses: Address[]
}

/** Throws what is wrong with it. */
export function parseStub(text: string): Stub {
  const [name = '', list = '', ...rest] = text.split('=')
  const zone = name.toLowerCase().replace(/^\.|\.$/g, '')
  if (name === '' || list === '' || rest.length > 0) throw new Error(`"${text}": write ZONE=ADDRESS[,ADDRESS]`)
  if (zone === '') throw new Error(`"${text}": the servers of all names are those of --upstream`)
  return { zone, addresses: list.split(',').map(parseAddress) }
}
