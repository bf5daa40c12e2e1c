// Kubernetes quantities, exactly: a count of nano-units as a BigInt, and the family of suffixes it was written with.
// Grammar and canonical form: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

/** An exact amount. Made by parseQuantity; immutable. */
export interface Quantity {
  /** The amount in billionths. */
  readonly nanos: bigint
  /** How it was written, which is how it is written again: 1500m, 64Mi or 1e3. */
  readonly style: 'decimal' | 'binary' | 'exponent'
}

const nano = 1_000_000_000n
const largest = (2n ** 63n - 1n) * nano
const pattern = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/
const binarySuffixes = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const parsed = new Map<string, Quantity>()
const parsedLimit = 4096
/** Longer numbers mean nothing in 2^63 units of a billionth, and are slow to read. */
const longestText = 64

/** Reads text such as 250m, 1.5, 64Mi, 1e3. Throws an Error that quotes the text. Fractions of a nano round away from zero. */
export function parseQuantity(text: string): Quantity {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const quantity = readQuantity(text)
  if (parsed.size >= parsedLimit) parsed.clear()
  parsed.set(text, quantity)
  return quantity
}

/** True if parseQuantity reads the text. */
export function isQuantity(text: string): boolean {
  return parsed.has(text) || (text.length <= longestText && pattern.test(text))
}

function readQuantity(text: string): Quantity {
  const match = text.length <= longestText ? pattern.exec(text) : null
  if (match === null) {
    throw new Error(
      `cannot read quantity ${JSON.stringify(text)}: expected a number with a suffix, such as 250m or 64Mi`,
    )
  }
  const [, sign, whole = '', fraction = match[4] ?? '', , binary, decimal, exponent] = match
  const { factor, power, style } = readSuffix(binary, decimal, exponent)
  const digits = BigInt(whole + fraction) * factor
  const magnitude = scale(digits, power + 9 - fraction.length)
  const capped = magnitude > largest ? largest : magnitude
  return { nanos: sign === '-' ? -capped : capped, style }
}

function readSuffix(binary?: string, decimal?: string, exponent?: string) {
  if (binary !== undefined) {
    return { factor: 1024n ** BigInt(binarySuffixes.indexOf(binary) + 1), power: 0, style: 'binary' as const }
  }
  if (exponent !== undefined) return { factor: 1n, power: Number(exponent), style: 'exponent' as const }
  return { factor: 1n, power: (decimalSuffixes.indexOf(decimal ?? '') - 3) * 3, style: 'decimal' as const }
}

function scale(digits: bigint, power: number): bigint {
  return power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power))
}

function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  if (value % divisor === 0n) return quotient
  return value > 0n ? quotient + 1n : quotient
}

const toQuantity = (quantity: Quantity | string) => (typeof quantity === 'string' ? parseQuantity(quantity) : quantity)

/** Thousandths, rounded up: the unit of cpu. */
export function toMilli(quantity: Quantity | string): number {
  return Number(divideUp(toQuantity(quantity).nanos, 1_000_000n))
}

/** Whole units, rounded up: bytes of memory, a count of pods. Exact up to 2^53. */
export function toValue(quantity: Quantity | string): number {
  return Number(divideUp(toQuantity(quantity).nanos, nano))
}

/** toValue, said of memory and storage. */
export function toBytes(quantity: Quantity | string): number {
  return toValue(quantity)
}

/** Negative, zero or positive, as array sorting wants it. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const difference = toQuantity(a).nanos - toQuantity(b).nanos
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The sum, in the style of the first that is not zero. */
export function addQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const [first, second] = [toQuantity(a), toQuantity(b)]
  return { nanos: first.nanos + second.nanos, style: first.nanos === 0n ? second.style : first.style }
}

/** The difference, in the style of the first that is not zero. May be negative. */
export function subtractQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const second = toQuantity(b)
  return addQuantities(a, { nanos: -second.nanos, style: second.style })
}

/** A quantity of that many bytes, written with Ki, Mi, ... where that is exact. */
export function byteQuantity(bytes: number): Quantity {
  return { nanos: BigInt(Math.ceil(bytes)) * nano, style: 'binary' }
}

/** The one canonical text: no fraction, the largest suffix that leaves a whole number. */
export function formatQuantity(quantity: Quantity | string): string {
  const { nanos, style } = toQuantity(quantity)
  if (nanos === 0n) return '0'
  const isWhole = nanos % nano === 0n
  const isSmall = nanos > -1024n * nano && nanos < 1024n * nano
  if (style === 'binary' && isWhole && !isSmall) return formatBinary(nanos / nano)
  return formatDecimal(nanos, style === 'exponent')
}

function formatBinary(value: bigint): string {
  let [rest, step] = [value, 0]
  for (; rest % 1024n === 0n && step < binarySuffixes.length; step++) rest /= 1024n
  return `${rest}${step === 0 ? '' : binarySuffixes[step - 1]}`
}

function formatDecimal(nanos: bigint, asExponent: boolean): string {
  let [rest, step] = [nanos, 0]
  for (; rest % 1000n === 0n && step < decimalSuffixes.length - 1; step++) rest /= 1000n
  if (!asExponent) return `${rest}${decimalSuffixes[step]}`
  return step === 3 ? `${rest}` : `${rest}e${(step - 3) * 3}`
}
