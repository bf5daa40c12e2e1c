// The output formats of get: which there are, and what whole objects look like in them.

import { formatJson, formatYaml } from '../manifests.ts'
import { ColumnsPrinter } from './custom-columns.ts'
import { formatTemplate, formatTemplateAsJson, readRelaxedPath, readTemplate } from './json-path/json-path.ts'

/** How to print. Tables are the server's; all others are made of whole objects. */
export type Format = { kind: 'table'; isWide: boolean } | { kind: 'name' } | ObjectFormat

/** Prints an object or a list; `headers` is of use only to formats with columns. */
interface ObjectFormat {
  kind: 'object'
  /** True if several outputs in a row have to be parted by ---. */
  isDocument: boolean
  format: (value: unknown, options: { headers: boolean }) => string
}

type Print = ObjectFormat['format']

const plain = new Map<string, Format>(
  Object.entries({
    wide: { kind: 'table', isWide: true },
    yaml: { kind: 'object', isDocument: true, format: formatYaml },
    json: { kind: 'object', isDocument: false, format: formatJson },
    name: { kind: 'name' },
  }),
)

/** Formats with an argument behind "=", an example of it, and how they are made. */
const templated = new Map<string, { example: string; make: (argument: string) => Print }>(
  Object.entries({
    jsonpath: {
      example: "'{.metadata.name}'",
      make: (text) => {
        const template = readPath(text)
        return (value) => formatTemplate(template, value)
      },
    },
    'jsonpath-as-json': {
      example: "'{.items[*].spec}'",
      make: (text) => {
        const template = readPath(text)
        return (value) => formatTemplateAsJson(template, value)
      },
    },
    'custom-columns': {
      example: 'NAME:.metadata.name,NODE:.spec.nodeName',
      make: (spec) => {
        const printer = new ColumnsPrinter(spec)
        return (value, options) => printer.format(value, options)
      },
    },
  }),
)

/** The names of the formats, as --help shows them. */
export const formatNames: readonly string[] = [...plain.keys(), ...templated.keys().map((name) => `${name}=…`)]

/** Reads the value of --output. Throws an Error that lists the formats, or that says what is wrong with a template. */
export function parseFormat(output: string | undefined): Format {
  if (output === undefined) return { kind: 'table', isWide: false }
  const [, name = '', argument] = /^([^=]*)(?:=(.*))?$/s.exec(output) ?? []
  const format = plain.get(output)
  const made = templated.get(name)
  if (format !== undefined) return format
  if (made === undefined) throw new Error(unknownFormat(output))
  if (!argument) throw new Error(`--output ${name} needs a template: ${name}=${made.example}`)
  return { kind: 'object', isDocument: false, format: made.make(argument) }
}

function unknownFormat(output: string): string {
  const names = [...plain.keys(), ...templated.keys()].sort().join(',')
  return `unable to match a printer suitable for the output format "${output}", allowed formats are: ${names}`
}

/** A template without any brace would print nothing but itself; it is taken for a path. */
const readPath = (text: string) => (text.includes('{') ? readTemplate(text) : readRelaxedPath(text))
