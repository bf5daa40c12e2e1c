// Reads what `nft -s list table` prints: blocks of lines, one for each chain, set, map and counter.

import { type Content, emptyContent } from './content.ts'

/** The content of the only table in the text. */
export function parseContent(text: string): Content {
  const content = emptyContent()
  for (const [, kind = '', name = '', body = ''] of text.matchAll(/^\t(\w+) (\S+) \{\n(.*?)^\t\}$/gms)) {
    const [declaration, elements] = splitElements(body)
    const lines = toLines(declaration)
    if (kind === 'chain') content.chains.set(name, lines)
    else {
      content.declared.set(name, [kind, ...lines])
      content.elements.set(name, parseElements(elements))
    }
  }
  return content
}

/** Elements come last in a block and may take several lines. */
function splitElements(body: string): [declaration: string, elements: string] {
  const start = body.indexOf('\t\telements = {')
  if (start === -1) return [body, '']
  return [body.slice(0, start), body.slice(body.indexOf('{', start) + 1, body.lastIndexOf('}'))]
}

function toLines(body: string): string[] {
  return body.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]))
}

/** No element has a comma in it: addresses, numbers, names of chains. */
function parseElements(text: string): Map<string, string> {
  const items = text.split(',').map((item) => item.trim())
  return new Map(
    items.flatMap((item): [string, string][] => {
      const [element = '', verdict = ''] = item.split(' : ')
      return element === '' ? [] : [[element, verdict]]
    }),
  )
}
