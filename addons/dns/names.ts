// Names of the cluster's zone and of reverse zones, taken apart. Pure.

import ipaddr from 'ipaddr.js'

/** Lower case, without the root's dot. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** Labels of a normalized name below a zone, nearest to the host first; undefined: it is not of the zone. */
export function labelsBelow(name: string, zone: string): string[] | undefined {
  if (name === zone) return []
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1).split('.') : undefined
}

/** The address that a normalized reverse name stands for, such as "5.0.96.10.in-addr.arpa"; undefined: it is none. */
export function reversedAddress(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name)
  if (four !== null) return valid(four.slice(1).reverse().join('.'))
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)
  if (six?.[1] === undefined) return undefined
  const digits = six[1].replaceAll('.', '').split('').reverse().join('')
  return valid((digits.match(/.{4}/g) ?? []).join(':'))
}

/** "10-244-1-2" or "fd00--1-2": an address as one label. undefined: it is none. */
export function dashedAddress(label: string): string | undefined {
  if (/^\d+-\d+-\d+-\d+$/.test(label)) return valid(label.replaceAll('-', '.'))
  return /^[0-9a-f-]+$/.test(label) && label.includes('-') ? valid(label.replaceAll('-', ':')) : undefined
}

/** The label that stands for an address: for endpoints without a host name. */
export function toDashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-')
}

function valid(address: string): string | undefined {
  return ipaddr.isValid(address) ? ipaddr.parse(address).toString() : undefined
}
