/** A value that can be recognised as whole; sizes differ, so that it lies on one page or on several. */
export function makeValue(writer: number, count: number): string {
  return `${writer} ${count} ${String(count % 10).repeat((count * 997) % 9000)}.`
}
