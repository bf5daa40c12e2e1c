// Writes an edit as one transaction for `nft -f -`. The order is the kernel's: what is referred to must be there before,
// and can go only after what refers to it.

import type { Edit } from './content.ts'
import { tableName } from './names.ts'

/** The text that makes the edit; anew: throws away what the table held before. */
export function toScript({ chains, declared, elements }: Edit, { anew = false } = {}): string {
  const written = [...chains].flatMap(([name, lines]) => (lines === undefined ? [] : [[name, lines] as const]))
  const removed = [...chains].flatMap(([name, lines]) => (lines === undefined ? [name] : []))
  const lines = [
    // Adding before deleting: there may be no table yet.
    ...(anew ? [`add table ${tableName}`, `delete table ${tableName}`] : []),
    `add table ${tableName}`,
    ...[...declared].flatMap(([name, body]) => (body === undefined ? [] : [declare(name, body)])),
    ...written.map(([name, [head = '']]) =>
      isHook(head) ? `add chain ${tableName} ${name} { ${head} }` : `add chain ${tableName} ${name}`,
    ),
    ...[...written.map(([name]) => name), ...removed].map((name) => `flush chain ${tableName} ${name}`),
    ...written.flatMap(([name, rules]) =>
      rules.filter((rule) => !isHook(rule)).map((rule) => `add rule ${tableName} ${name} ${rule}`),
    ),
    ...[...elements].flatMap(([set, { remove, add }]) => [
      ...listElements('delete', set, remove),
      ...listElements(
        'add',
        set,
        add.map(([element, verdict]) => (verdict === '' ? element : `${element} : ${verdict}`)),
      ),
    ]),
    ...removed.map((name) => `delete chain ${tableName} ${name}`),
    ...[...declared].flatMap(([name, body]) =>
      body === undefined ? [`delete ${kindOf(name)} ${tableName} ${name}`] : [],
    ),
  ]
  return `${lines.join('\n')}\n`
}

const isHook = (line: string) => line.startsWith('type ')

function declare(name: string, [kind = 'set', ...body]: string[]): string {
  return `add ${kind} ${tableName} ${name} { ${body.map((line) => `${line};`).join(' ')} }`
}

/** Names tell the kind of what is removed: its declaration is known to the kernel alone by then. */
function kindOf(name: string): string {
  if (name.startsWith('drop/')) return 'counter'
  return name.startsWith('ingress-') || name.startsWith('egress-') ? 'map' : 'set'
}

function listElements(verb: 'add' | 'delete', set: string, elements: string[]): string[] {
  return elements.length === 0 ? [] : [`${verb} element ${tableName} ${set} { ${elements.join(', ')} }`]
}
