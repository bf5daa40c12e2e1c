// What filters compare.

import type { Operator } from './nodes.ts'

/** Compares texts, numbers or truth values; these only for equality. Throws an Error for values of unlike types. */
export function compare(left: unknown, operator: Operator, right: unknown): boolean {
  if (typeof left === 'boolean' && typeof right === 'boolean') {
    if (operator === '==') return left === right
    if (operator === '!=') return left !== right
  }
  const order = compareOrder(left, right)
  if (order === undefined) {
    throw new Error(
      `${JSON.stringify(left)} ${operator} ${JSON.stringify(right)} compares values of types that do not fit`,
    )
  }
  return decide[operator](order)
}

const decide: Record<Operator, (order: number) => boolean> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

function compareOrder(left: unknown, right: unknown): number | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  return undefined
}
