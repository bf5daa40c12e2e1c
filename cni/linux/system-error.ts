/** Whether an error of the system has this code: "ENOENT", "EEXIST" (errno(3)). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** For `catch` of what reads a file or folder that need not be there: that it is not gives this instead; all else is thrown. */
export function ifMissing<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (hasCode(error, 'ENOENT')) return otherwise
    throw error
  }
}
