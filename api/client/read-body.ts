// Bodies of responses, as text.

/** The whole body, decoded. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The body's lines as they come, without line ends; empty lines are left out. A line may span any number of chunks. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  // Chunks of a line without end so far: joined once, so that a line of many chunks does not cost their square.
  let pieces: string[] = []
  for await (const chunk of body) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n')
    const rest = parts.pop() ?? ''
    for (const part of parts) {
      pieces.push(part)
      const line = pieces.join('')
      pieces = []
      if (line !== '') yield line
    }
    pieces.push(rest)
  }
  const last = pieces.join('') + decoder.decode()
  if (last !== '') yield last
}
