// A trace as text: one line a hop, in columns; then what became of the packet, where, by whom, and what to do about it.

import type { End, Hop, Leg, Proof, RuleReference, Trace, TracedPath } from '../../../api/net/trace.ts'
import { formatPlace } from '../trace/world.ts'
import { adviseOn } from './advice.ts'

export interface TextStyle {
  isColoured?: boolean
  /** Rules with their counters below each hop. */
  withRules?: boolean
}

const colours = { red: 31, green: 32, yellow: 33, grey: 90 }

type Paint = (colour: keyof typeof colours, text: string) => string

/** The whole trace, each line ended. */
export function renderText({ paths, more, proof }: Trace, style: TextStyle = {}): string {
  const paint: Paint = (colour, text) => (style.isColoured === true ? `\x1b[${colours[colour]}m${text}\x1b[0m` : text)
  const parts = paths.map((path, at) => {
    const title = paths.length > 1 ? `way ${at + 1} of ${paths.length}${more ? ' or more' : ''}\n` : ''
    const isProved = proof?.path === at || (paths.length === 1 && proof !== undefined)
    return title + renderPath(path, style, paint, isProved ? proof : undefined)
  })
  const last = proof === undefined ? [] : [`${formatProof(proof, paths.length, paint)}\n`]
  return [...parts, ...last].join('\n')
}

function renderPath(path: TracedPath, style: TextStyle, paint: Paint, proof: Proof | undefined): string {
  const { forward, reply, mtu, warnings } = path
  const lines = renderLeg(forward, style, paint, proof)
  if (reply !== undefined) lines.push('and back', ...renderLeg(reply, style, paint, undefined))
  for (const { cause, text } of warnings) lines.push(paint('yellow', `warning (${cause}): ${text}`))
  const end = reply === undefined || !isArrival(forward.end) ? forward.end : reply.end
  if (isArrival(end))
    lines.push(paint('green', `${formatSuccess(path)}${mtu === undefined ? '' : `; largest packet ${mtu} bytes`}`))
  else lines.push(...formatFailure(end, end === reply?.end, paint))
  return `${lines.join('\n')}\n`
}

const isArrival = ({ outcome }: End) => outcome === 'delivered' || outcome === 'left'

function renderLeg(
  { hops, hooks, end }: Leg,
  { withRules }: TextStyle,
  paint: Paint,
  proof: Proof | undefined,
): string[] {
  const rows = hops.map((hop, at) => toCells(hop, hops[at - 1]))
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)))
  const seen = proof?.agrees === true ? findSeen(hooks) : undefined
  return hops.flatMap((hop, at) => {
    const isEnd = at === end.hop
    const cells = (rows[at] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0))
    const number = String(at + 1).padStart(2)
    const mark = seen === undefined ? '' : seen(hop, at) ? ' +' : ' -'
    const line = `${number}${mark}  ${cells.join('  ')}`.trimEnd()
    const change = hop.packet === hops[at - 1]?.packet ? '' : paint('grey', `   [${hop.packet}]`)
    const below = [
      ...(hop.notes ?? []).map((note) => paint('yellow', `      ! ${note}`)),
      ...(withRules === true || (isEnd && hop.rules !== undefined)
        ? (hop.rules ?? []).map((rule) => paint('grey', `      ${formatRule(rule)}`))
        : []),
    ]
    return [isEnd ? paint(isArrival(end) ? 'green' : 'red', line) + change : line + change, ...below]
  })
}

/** A hop has seen the packet when a hook of its kernel has, at this hop or before. */
function findSeen(hooks: Leg['hooks']): (hop: Hop, at: number) => boolean {
  return ({ place }, at) =>
    hooks.some((each) => each.hop <= at + 1 && each.place.node === place.node && each.place.pod === place.pod)
}

/** The place only where it is another than before. */
function toCells({ place, device = '', step, text }: Hop, before: Hop | undefined): string[] {
  const isSame = before !== undefined && before.place.node === place.node && before.place.pod === place.pod
  return [isSame ? '' : formatPlace(place), device, step, text]
}

function formatSuccess({ forward, reply }: TracedPath): string {
  const { outcome, place, text, hop } = forward.end
  if (outcome === 'left') return `left: ${text}`
  const back = reply === undefined ? '' : ', and the answer comes back'
  // What is known of the end beyond what its hop says, such as that a proxy takes it there.
  const more = text === forward.hops[hop]?.text ? '' : `; ${text}`
  return `reached: ${formatPlace(place)}${place.pod === undefined ? '' : ` on ${place.node}`}${back}${more}`
}

/** What, where, by which object, and what to do. */
function formatFailure(end: End, isReply: boolean, paint: Paint): string[] {
  const { outcome, cause, text, place, hop, rule } = end
  const where = `${formatPlace(place)}${place.pod === undefined ? '' : ` on ${place.node}`}`
  const counter = rule?.packets === undefined ? '' : ` [${rule.packets} packets so far]`
  const what = `${isReply ? 'the answer is ' : ''}${outcome} at ${where}, hop ${hop + 1} (${cause})`
  const todo = adviseOn(end)
  return [paint('red', `${what}: ${text}${counter}`), ...(todo === undefined ? [] : [`to do: ${todo}`])]
}

/** "[12 packets] ip nat KUBE-SERVICES: -d ... -j ... (Service default/web:http)". */
export function formatRule({ table, chain, text, packets, object }: RuleReference): string {
  const counter = packets === undefined ? '' : `[${packets} packets] `
  return `${counter}${table} ${chain}: ${text}${object === undefined ? '' : ` (${object})`}`
}

function formatProof(
  { mark, outcome, detail, path, agrees, hooks, differences }: Proof,
  ways: number,
  paint: Paint,
): string {
  const what = `proof: a real packet (mark 0x${mark.toString(16)})`
  const fate = `${outcome}${detail === '' ? '' : ` (${detail})`}`
  const way = ways > 1 && path !== undefined ? ` of way ${path + 1}` : ''
  if (agrees) return `${what} was seen at the ${hooks} hooks${way} as worked out, and then: ${fate}`
  return paint('yellow', `${what} did otherwise: ${fate}; ${differences.join('; ')}`)
}
