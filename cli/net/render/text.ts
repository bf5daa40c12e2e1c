// A trace as text: one line a hop, in columns, the end in colour on a terminal.

import type { End, Hop, Leg, RuleReference, Trace, TracedPath } from '../../../api/net/trace.ts'
import { formatPlace } from '../trace/world.ts'

export interface TextStyle {
  isColoured?: boolean
  /** Rules with their counters below each hop. */
  withRules?: boolean
}

const colours = { red: 31, green: 32, yellow: 33, grey: 90 }

type Paint = (colour: keyof typeof colours, text: string) => string

/** The whole trace, each line ended. */
export function renderText({ paths, more }: Trace, style: TextStyle = {}): string {
  const paint: Paint = (colour, text) => (style.isColoured === true ? `\x1b[${colours[colour]}m${text}\x1b[0m` : text)
  const parts = paths.map((path, at) => {
    const title = paths.length > 1 ? `way ${at + 1} of ${paths.length}${more ? ' or more' : ''}\n` : ''
    return title + renderPath(path, style, paint)
  })
  return parts.join('\n')
}

function renderPath({ forward, reply, mtu, warnings }: TracedPath, style: TextStyle, paint: Paint): string {
  const lines = [...renderLeg(forward, style, paint)]
  if (reply !== undefined) lines.push('and back', ...renderLeg(reply, style, paint))
  if (mtu !== undefined) lines.push(paint('grey', `largest packet: ${mtu} bytes`))
  for (const { cause, text } of warnings) lines.push(paint('yellow', `warning (${cause}): ${text}`))
  return `${lines.join('\n')}\n`
}

function renderLeg({ hops, end }: Leg, { withRules }: TextStyle, paint: Paint): string[] {
  const rows = hops.map(toCells)
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)))
  return hops.flatMap((hop, at) => {
    const isEnd = at === end.hop
    const cells = (rows[at] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0))
    const number = String(at + 1).padStart(2)
    const line = `${number}  ${cells.join('  ')}`.trimEnd()
    const below = [
      ...(hop.notes ?? []).map((note) => paint('yellow', `      ! ${note}`)),
      ...(withRules === true || (isEnd && hop.rules !== undefined)
        ? (hop.rules ?? []).map((rule) => paint('grey', `      ${formatRule(rule)}`))
        : []),
    ]
    return [isEnd ? paint(colourOf(end), `${line}  <- ${markOf(end)}`) : line, ...below]
  })
}

function toCells({ place, device = '', packet, text }: Hop): string[] {
  const where = place.pod === undefined ? place.node : `${place.node} ${formatPlace(place)}`
  return [device === '' ? where : `${where} ${device}`, packet, text]
}

function colourOf({ outcome }: End): keyof typeof colours {
  return outcome === 'delivered' || outcome === 'left' ? 'green' : 'red'
}

function markOf({ outcome, cause }: End): string {
  return cause === 'none' ? outcome.toUpperCase() : `${outcome.toUpperCase()} (${cause})`
}

/** "[12 packets] ip nat KUBE-SERVICES: -d ... -j ... (Service default/web:http)". */
export function formatRule({ table, chain, text, packets, object }: RuleReference): string {
  const counter = packets === undefined ? '' : `[${packets} packets] `
  return `${counter}${table} ${chain}: ${text}${object === undefined ? '' : ` (${object})`}`
}
