// Checks a request for a fault: its words go into rules, and it comes from outside.

import { isIP } from 'node:net'
import { type FaultRequest, longestFaultMs } from '../../api/net/fault.ts'
import { badRequest } from '../../api/objects/status-error.ts'

const maxAddresses = 256

/** Returns the request. Throws BadRequest with the field and the reason. */
export function validateFault(request: FaultRequest): FaultRequest {
  const { id, kind, percent, bitsPerSecond, delayMs, durationMs, flows } = request
  if (typeof id !== 'string' || !/^[a-z][a-z0-9]{0,15}$/.test(id))
    throw badRequest('id: must be lower-case letters and digits, a letter first')
  validateNumber('durationMs', durationMs, 1, longestFaultMs)
  if (kind === 'drop') validateNumber('percent', percent, 0.01, 100)
  else if (kind === 'rate') validateNumber('bitsPerSecond', bitsPerSecond, 8_000, 100e9)
  else if (kind === 'delay') validateNumber('delayMs', delayMs, 1, 60_000)
  else if (kind !== 'cut') throw badRequest('kind: must be cut, drop, delay or rate')
  if (!Array.isArray(flows) || flows.length === 0) throw badRequest('flows: must be a list with something in it')
  for (const { title, from, to, pod } of flows) {
    if (typeof title !== 'string' || !/^[\w ./:>-]{1,600}$/.test(title)) throw badRequest(`flows: bad title "${title}"`)
    if (pod !== undefined && typeof pod !== 'string') throw badRequest('flows: pod must be NAMESPACE/NAME')
    validateAddresses(from)
    validateAddresses(to)
  }
  return request
}

function validateNumber(name: string, value: number | undefined, least: number, most: number): void {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw badRequest(`${name}: must be ${least} to ${most}`)
}

function validateAddresses(list: readonly string[]): void {
  if (!Array.isArray(list) || list.length === 0 || list.length > maxAddresses)
    throw badRequest(`flows: must have 1 to ${maxAddresses} addresses at each end`)
  for (const text of list) {
    const [address = '', length] = String(text).split('/')
    const bits = isIP(address) === 6 ? 128 : 32
    if (isIP(address) === 0 || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bits)))
      throw badRequest(`flows: "${text}" is no address or range`)
  }
}
