// nftables by netlink, for what is done to every pod and what is asked all the time: elements of sets, and whether a chain is there.
// `nft` takes twenty times as long, most of it to start.

import { constants } from 'node:os'
import { askNetfilter, makeAttribute, makeRequest, NetlinkError, transactNetfilter } from './netlink.ts'

/** An element of a set in a table of the family bridge. */
export interface SetElement {
  set: string
  /** As the kernel compares it: numbers in network order, names of links in 16 bytes, parts of a concatenation in multiples of four. */
  key: Buffer
  /** At most 120 bytes. */
  comment?: string
}

/** What there is already stays as it is when it is added; what is not there cannot be deleted. */
export interface ElementChanges {
  add: readonly SetElement[]
  /** After all were added. */
  delete?: readonly SetElement[]
}

/**
 * Makes all changes to the sets of a table, or none. Throws a NetlinkError: ENOENT when there is no such table, or set, or element
 * to delete.
 */
export function changeElements(table: string, { add, delete: gone = [] }: ElementChanges): void {
  const requests = [
    ...bySet(add).map((elements) => request(newSetElement, create, table, elements)),
    ...bySet(gone).map((elements) => request(deleteSetElement, 0, table, elements)),
  ]
  if (requests.length > 0) transactNetfilter(`cannot change table ${table}`, requests)
}

/** A chain of nft's, or of iptables' where that is the nft variant. */
export interface ChainName {
  family: 'ipv4' | 'ipv6'
  table: string
  chain: string
}

/** Whether there is such a chain. Throws a NetlinkError when the kernel does not say. */
export function hasChain({ family, table, chain }: ChainName): boolean {
  const body = [familyHeader(families[family]), text(chainTable, table), text(chainName, chain)]
  try {
    askNetfilter(`cannot look for chain ${chain}`, makeRequest(getChain, 0, Buffer.concat(body)))
    return true
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === constants.errno.ENOENT) return false
    throw error
  }
}

/** The 16 bytes of a link's name. */
export function linkNameBytes(link: string): Buffer {
  return Buffer.concat([Buffer.from(link), Buffer.alloc(16)], 16)
}

/** A message has elements of one set. */
const bySet = (elements: readonly SetElement[]) => [...Map.groupBy(elements, ({ set }) => set).values()]

function request(type: number, flags: number, table: string, elements: readonly SetElement[]): Buffer {
  const body = [
    familyHeader(families.bridge),
    text(elementListTable, table),
    text(elementListSet, elements[0]?.set ?? ''),
    nested(elementListElements, elements.map(listElement)),
  ]
  return makeRequest(type, flags, Buffer.concat(body))
}

function listElement({ key, comment }: SetElement): Buffer {
  const value = nested(elementKey, [makeAttribute(dataValue, key)])
  if (comment === undefined) return nested(elementOfList, [value])
  const words = Buffer.from(`${comment}\0`)
  const said = Buffer.concat([Buffer.from([commentOfUser, words.length]), words])
  return nested(elementOfList, [value, makeAttribute(elementUserData, said)])
}

const nested = (type: number, attributes: readonly Buffer[]) =>
  makeAttribute(type | isNested, Buffer.concat(attributes))
const text = (type: number, value: string) => makeAttribute(type, Buffer.from(`${value}\0`))

// linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h; the comment is libnftnl's NFTNL_UDATA_SET_ELEM_COMMENT
const newSetElement = (10 << 8) | 12
const deleteSetElement = (10 << 8) | 14
const create = 0x400
const families = { ipv4: 2, ipv6: 10, bridge: 7 }
/** struct nfgenmsg */
const familyHeader = (family: number) => Buffer.from([family, 0, 0, 0])
const getChain = (10 << 8) | 4
const chainTable = 1
const chainName = 3
const isNested = 0x8000
const elementListTable = 1
const elementListSet = 2
const elementListElements = 3
const elementOfList = 1
const elementKey = 1
const elementUserData = 6
const dataValue = 1
const commentOfUser = 0
