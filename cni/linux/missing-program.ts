import { isMissingProgram } from './exec.ts'

/**
 * For `catch` of what asks or changes something by a program: that it is not on this host gives this instead, since without it
 * nothing of its kind was made here; all else is thrown.
 */
export function ifNoProgram<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (isMissingProgram(error)) return otherwise
    throw error
  }
}
