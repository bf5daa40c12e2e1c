import { isMissingProgram } from './exec.ts'

/**
 * For `catch` of what goes by a program: that it is not on this host gives this instead, all else is thrown. Where a program was never
 * there, nothing has been made by it.
 */
export function ifNoProgram<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (isMissingProgram(error)) return otherwise
    throw error
  }
}
