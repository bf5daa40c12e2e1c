/** Where the API server says what no client hears. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}
