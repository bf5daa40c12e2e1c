// Image references: [registry[:port]/]path[:tag][@digest].
// Grammar: https://github.com/distribution/reference

/** The tag, "latest" if there is neither tag nor digest, undefined if there is only a digest. */
export function shortTagOf(image: string): string | undefined {
  const at = image.indexOf('@')
  const named = at === -1 ? image : image.slice(0, at)
  const colon = named.lastIndexOf(':')
  if (colon > named.lastIndexOf('/')) return named.slice(colon + 1)
  return at === -1 ? 'latest' : undefined
}
