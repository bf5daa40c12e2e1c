/** The API's time format: RFC 3339 in UTC, whole seconds. */
export function toTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** Milliseconds since the epoch; 0 if there is no time. */
export function parseTimestamp(text: string | undefined): number {
  return text === undefined ? 0 : Date.parse(text)
}
