import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../generated/types.ts'
import { duplicate, forbiddenField, invalidIf } from '../objects/field-errors.ts'
import { whyNotLabelValue, whyNotQualifiedName } from '../objects/names.ts'
import type { Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeOneOf } from './rules.ts'

/** Rules for taints; the rest of a node is what its agent reports. */
export function validateNode({ spec }: Node): FieldError[] {
  const seen = new Set<string>()
  return (spec?.taints ?? []).flatMap((taint, index) => {
    const path = `spec.taints[${index}]`
    const key = `${taint.key}:${taint.effect}`
    const isTwice = seen.has(key)
    seen.add(key)
    return [
      ...invalidIf(`${path}.key`, taint.key, whyNotQualifiedName(taint.key ?? '')),
      ...(taint.value ? invalidIf(`${path}.value`, taint.value, whyNotLabelValue(taint.value)) : []),
      ...mustBeOneOf(`${path}.effect`, taint.effect ?? '', ['NoExecute', 'NoSchedule', 'PreferNoSchedule']),
      ...(isTwice ? [duplicate(path, { key: taint.key, effect: taint.effect })] : []),
    ]
  })
}

/** A node's range of pod addresses and its provider's id are given once. */
export function validateNodeUpdate({ spec }: Node, { spec: old }: Stored<Node>): FieldError[] {
  const errors: FieldError[] = []
  if ((old?.podCIDRs ?? []).length > 0 && !isDeepStrictEqual(spec?.podCIDRs, old?.podCIDRs)) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  if (old?.providerID && spec?.providerID !== old.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  return errors
}

/** Whether only an administrator may set this label, who keeps workloads off nodes that could give it to themselves. */
export function isRestrictedLabel(label: string): boolean {
  return /(^|\.)node-restriction\.kubernetes\.io\//.test(label)
}
