// The output formats of get: which there are, and what whole objects look like in them.

import { formatJson, formatYaml } from '../manifests.ts'
import { formatTemplate, formatTemplateAsJson, readRelaxedPath, readTemplate } from './json-path/json-path.ts'

/** How to print. Tables are the server's; all others are made of whole objects. */
export type Format =
  | { kind: 'table'; isWide: boolean }
  | { kind: 'name' }
  | { kind: 'object'; isDocument: boolean; format: (value: unknown) => string }

/** The names of the formats as --help shows them. */
export const formatNames: readonly string[] = ['wide', 'yaml', 'json', 'name', 'jsonpath=', 'jsonpath-as-json=']

/** Reads the value of --output. Throws an Error that lists the formats, or that says what is wrong with a template. */
export function parseFormat(output: string | undefined): Format {
  if (output === undefined || output === 'wide') return { kind: 'table', isWide: output === 'wide' }
  if (output === 'name') return { kind: 'name' }
  if (output === 'yaml') return { kind: 'object', isDocument: true, format: formatYaml }
  if (output === 'json') return { kind: 'object', isDocument: false, format: formatJson }
  const [, name = '', argument = ''] = /^([^=]*)=?(.*)$/s.exec(output) ?? []
  if (name === 'jsonpath') {
    const template = readPath(requireTemplate(name, argument))
    return { kind: 'object', isDocument: false, format: (value) => formatTemplate(template, value) }
  }
  if (name === 'jsonpath-as-json') {
    const template = readPath(requireTemplate(name, argument))
    return { kind: 'object', isDocument: false, format: (value) => formatTemplateAsJson(template, value) }
  }
  throw new Error(
    `unable to match a printer suitable for the output format "${output}", allowed formats are: ${formatNames
      .map((known) => known.replace('=', ''))
      .sort()
      .join(',')}`,
  )
}

/** A template without any brace would print nothing but itself; it is taken for a path. */
const readPath = (text: string) => (text.includes('{') ? readTemplate(text) : readRelaxedPath(text))

function requireTemplate(name: string, argument: string): string {
  if (argument === '') throw new Error(`--output ${name}: a template has to follow, such as ${name}='{.metadata.name}'`)
  return argument
}
