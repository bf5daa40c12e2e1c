import type { ResourceRequirements } from '../../generated/types.ts'
import { invalidIf, invalidValue } from '../../objects/field-errors.ts'
import { whyNotQualifiedName } from '../../objects/names.ts'
import { compareQuantities, formatQuantity, parseQuantity } from '../../objects/quantity.ts'
import type { FieldError } from '../../objects/status-error.ts'

const standardNames = ['cpu', 'memory', 'ephemeral-storage']
const nanosPerUnit = 1_000_000_000n

/** Rules for the resources of a container. That amounts are quantities was checked when the object was decoded. */
export function validateResources(resources: ResourceRequirements | undefined, path: string): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {}
  return [
    ...Object.entries(limits).flatMap(([name, amount]) => validateAmount(name, amount, `${path}.limits[${name}]`)),
    ...Object.entries(requests).flatMap(([name, amount]) => {
      const errors = validateAmount(name, amount, `${path}.requests[${name}]`)
      return errors.length > 0 ? errors : validateBelow(amount, limits[name], name, `${path}.requests`)
    }),
  ]
}

function validateAmount(name: string, amount: string, field: string): FieldError[] {
  const why = whyNotQualifiedName(name) ?? whyNotResourceName(name)
  if (why !== undefined) return [invalidValue(field, name, why)]
  const { nanos } = parseQuantity(amount)
  const isWhole = nanos % nanosPerUnit === 0n
  if (nanos < 0n) return [invalidValue(field, amount, 'must be greater than or equal to 0')]
  return invalidIf(field, amount, isWhole || standardNames.includes(name) ? undefined : 'must be an integer')
}

function whyNotResourceName(name: string): string | undefined {
  if (name.includes('/') || standardNames.includes(name) || name.startsWith('hugepages-')) return undefined
  return 'must be a standard resource for containers, or fully qualified such as example.com/gpu'
}

function validateBelow(amount: string, limit: string | undefined, name: string, field: string): FieldError[] {
  if (limit === undefined || compareQuantities(amount, limit) <= 0) return []
  return [invalidValue(field, amount, `must be less than or equal to ${name} limit of ${formatQuantity(limit)}`)]
}
