/** Whether an error of the system has this code: "ENOENT", "EEXIST" (errno(3)). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
