// What the picture of a trace is put together from: pieces with a height, and words cut to lines. Letters all have one width.

/** Of a line of words. */
export const lineHeight = 16
/** How many letters a line has at most. */
export const letters = 110
/** Of the font at size 11. */
export const letterWidth = 6.7

/** A piece of the picture and how much room it takes. */
export interface Piece {
  body: string
  width: number
  height: number
}

/** A line between pictures. */
export function heading(text: string): Piece {
  const body = `<text y="14" font-size="13" font-weight="bold">${escapeXml(text)}</text>`
  return { body, width: text.length * 8, height: 24 }
}

/** Words over the whole width. */
export function paragraph(text: string, colour: string): Piece {
  const lines = wrap(text)
  const body = lines.map(
    (line, at) => `<text y="${(at + 0.75) * lineHeight}" fill="${colour}">${escapeXml(line)}</text>`,
  )
  return { body: body.join('\n'), width: letters * letterWidth, height: lines.length * lineHeight + 4 }
}

/** One below the other. */
export function stack(pieces: readonly Piece[]): { body: string; height: number } {
  let y = 0
  const placed = pieces.map(({ body, height }) => {
    const group = `<g transform="translate(0 ${y})">${body}</g>`
    y += height
    return group
  })
  return { body: placed.join('\n'), height: y }
}

/** Lines of at most so many letters, cut between words where there are any. */
export function wrap(text: string): string[] {
  const lines: string[] = []
  for (let rest = text; rest !== ''; ) {
    const space = rest.length > letters ? rest.lastIndexOf(' ', letters) : rest.length
    const at = space > 0 ? space : letters
    lines.push(rest.slice(0, at))
    rest = rest.slice(at).trimStart()
  }
  return lines
}

/** The end of a name that has too little room: its beginning is told by the rest of the picture. */
export function shorten(text: string, width: number): string {
  const most = Math.floor((width - 16) / letterWidth)
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`
}

/** Text between tags, and in attributes. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
