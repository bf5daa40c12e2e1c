// Why a command ends without having done what it was asked for.

/** Expected by the command itself; its text says what is wrong and what to do, and no stack belongs to it. */
export class Refusal extends Error {
  readonly code = 'REFUSED'
}

/** What a failure says of itself. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
