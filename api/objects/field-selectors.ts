// Field selectors: equalities on a few fields that a kind makes selectable.
// Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/

import { badRequest } from './status-error.ts'

/** One condition of a field selector, such as status.phase!=Running. */
export interface FieldRequirement {
  readonly path: string
  readonly op: '=' | '!='
  readonly value: string
}

/** Reads "a=b,c!=d"; commas, equal signs and backslashes in values are escaped by a backslash. Throws BadRequest. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitUnescaped(text)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!\\]+)(==|!=|=)((?:[^\\=]|\\.)*)$/.exec(part)
      if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`)
      const [, path = '', op, value = ''] = match
      return { path: path.trim(), op: op === '!=' ? '!=' : '=', value: unescapeValue(value, part) }
    })
}

/** True if every requirement holds; read gives the text of a field. */
export function matchesFields(requirements: readonly FieldRequirement[], read: (path: string) => string): boolean {
  return requirements.every(({ path, op, value }) => (read(path) === value) === (op === '='))
}

function splitUnescaped(text: string): string[] {
  return [...text.matchAll(/(?:[^\\,]|\\.|\\$)+/g)].map(([part]) => part)
}

function unescapeValue(value: string, part: string): string {
  const wrong = /\\(?![\\,=])/.exec(value.replaceAll('\\\\', ''))
  if (wrong !== null) throw badRequest(`invalid field selector '${part}': invalid escape sequence`)
  return value.replace(/\\([\\,=])/g, '$1')
}
