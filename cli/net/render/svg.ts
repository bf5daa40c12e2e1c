// A trace as a picture: nodes are boxes with their pods in them, the packet's way is a line down through them, one dot a hop, with
// its words to the right. Where it ends against its will, the line is red, with the rule that did it.

import type { End, Hop, Leg, Trace, TracedPath } from '../../../api/net/trace.ts'
import { formatPlace } from '../trace/world.ts'
import { adviseOn } from './advice.ts'
import {
  escapeXml,
  heading,
  letters,
  letterWidth,
  lineHeight,
  type Piece,
  paragraph,
  shorten,
  stack,
  wrap,
} from './svg-pieces.ts'
import { formatRule } from './text.ts'

const columnWidth = 140
const gap = 16
const headHeight = 52
const colours = { good: '#1a7f37', bad: '#cf222e', dim: '#6e7781', warn: '#9a6700', node: '#f6f8fa', pod: '#ddf4ff' }

/** The whole trace as one SVG document. */
export function renderSvg({ flow, paths, more, proof }: Trace): string {
  const pieces = paths.flatMap((path, at) => [
    ...(paths.length > 1 ? [heading(`way ${at + 1} of ${paths.length}${more ? ' or more' : ''}`)] : []),
    ...drawPath(path),
  ])
  if (proof !== undefined) {
    const fate = `${proof.outcome}${proof.detail === '' ? '' : ` (${proof.detail})`}`
    const words = proof.agrees
      ? `met what was worked out: ${fate}`
      : `did otherwise: ${[fate, ...proof.differences].join('; ')}`
    pieces.push(paragraph(`a real packet ${words}`, proof.agrees ? colours.dim : colours.warn))
  }
  const width = Math.max(...pieces.map((piece) => piece.width)) + 2 * gap
  const { body, height } = stack(pieces)
  const title = `${flow.protocol} to ${flow.destination}${flow.port === 0 ? '' : ` port ${flow.port}`}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + 2 * gap}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="11">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<g transform="translate(${gap} ${gap})">${body}</g>`,
    '</svg>\n',
  ].join('\n')
}

function drawPath({ forward, reply, mtu, warnings }: TracedPath): Piece[] {
  const words = warnings.map(({ cause, text }) => paragraph(`warning (${cause}): ${text}`, colours.warn))
  const last = mtu === undefined ? [] : [paragraph(`largest packet: ${mtu} bytes`, colours.dim)]
  const back = reply === undefined ? [] : [heading('and back'), drawLeg(reply)]
  return [drawLeg(forward), ...back, ...words, ...last]
}

function drawLeg({ hops, end }: Leg): Piece {
  const columns = findColumns(hops)
  const texts = columns.length * columnWidth + gap
  const rows = hops.map((hop, at) => describeHop(hop, hops[at - 1], at === end.hop ? end : undefined))
  let y = headHeight
  const tops = rows.map((row) => {
    const top = y
    y += row.length * lineHeight + 8
    return top
  })
  const dots = hops.map((hop, at) => ({
    x: (columns.findIndex(({ name }) => name === nameOf(hop)) + 0.5) * columnWidth,
    y: (tops[at] ?? 0) + lineHeight / 2,
  }))
  const words = rows.flatMap((row, at) =>
    row.map(({ text, colour, bold }, line) => {
      const top = (tops[at] ?? 0) + (line + 0.75) * lineHeight
      return `<text x="${texts}" y="${top}" fill="${colour}"${bold ? ' font-weight="bold"' : ''}>${escapeXml(text)}</text>`
    }),
  )
  return {
    body: [...drawBoxes(columns, y), drawLine(dots, end), ...words].join('\n'),
    width: texts + (letters + 4) * letterWidth,
    height: y + gap,
  }
}

/** A pod, or a node's own namespace. */
interface Column {
  name: string
  node: string
  pod?: string
}

/** In the order in which the packet comes by; the columns of a node side by side. */
function findColumns(hops: readonly Hop[]): Column[] {
  const columns: Column[] = []
  for (const hop of hops) {
    const name = nameOf(hop)
    if (columns.some((column) => column.name === name)) continue
    const { node, pod } = hop.place
    const column = { name, node, ...(pod !== undefined && { pod }) }
    const behind = columns.findLastIndex((each) => each.node === node)
    if (behind < 0) columns.push(column)
    else columns.splice(behind + 1, 0, column)
  }
  return columns
}

const nameOf = ({ place }: Hop) => `${place.node} ${place.pod ?? ''}`

function drawBoxes(columns: readonly Column[], height: number): string[] {
  const nodes = [...new Set(columns.map(({ node }) => node))]
  const box = (x: number, y: number, width: number, fill: string, title: string) =>
    `<g><rect x="${x}" y="${y}" width="${width}" height="${height - y}" rx="6" fill="${fill}" stroke="#d0d7de"/>` +
    `<text x="${x + 8}" y="${y + 15}" font-weight="bold">${escapeXml(shorten(title, width))}<title>${escapeXml(title)}</title></text></g>`
  return [
    ...nodes.map((node) => {
      const first = columns.findIndex((column) => column.node === node)
      const count = columns.filter((column) => column.node === node).length
      return box(first * columnWidth + 2, 0, count * columnWidth - 4, colours.node, node)
    }),
    ...columns.flatMap(({ pod }, at) =>
      pod === undefined ? [] : [box(at * columnWidth + 8, 22, columnWidth - 16, colours.pod, pod)],
    ),
  ]
}

/** The way, a dot for each hop; the end is a ring where it arrives, and a cross where it does not. */
function drawLine(dots: readonly { x: number; y: number }[], end: End): string {
  const upTo = dots.slice(0, end.hop + 1)
  const colour = isArrival(end) ? colours.good : colours.bad
  const line = (points: typeof upTo, stroke: string) =>
    `<polyline fill="none" stroke="${stroke}" stroke-width="2" points="${points.map(({ x, y }) => `${x},${y}`).join(' ')}"/>`
  const last = upTo.at(-1) ?? { x: 0, y: 0 }
  const { x, y } = last
  const mark = isArrival(end)
    ? `<circle cx="${x}" cy="${y}" r="7" fill="white" stroke="${colour}" stroke-width="3"/>`
    : `<path d="M${x - 7},${y - 7} l14,14 m0,-14 l-14,14" stroke="${colour}" stroke-width="4"/>`
  return [
    line(upTo, colours.good),
    isArrival(end) ? '' : line(upTo.slice(-2), colour),
    ...upTo.slice(0, -1).map((dot) => `<circle cx="${dot.x}" cy="${dot.y}" r="4" fill="${colours.good}"/>`),
    mark,
  ].join('\n')
}

interface Line {
  text: string
  colour: string
  bold?: boolean
}

/** What is told beside a hop: what was done, the packet where it has changed, and how it ended. */
function describeHop(hop: Hop, before: Hop | undefined, end: End | undefined): Line[] {
  const { device, step, text, packet, notes = [], rules = [] } = hop
  const isBad = end !== undefined && !isArrival(end)
  const lines: Line[] = wrap(`${device === undefined ? '' : `${device} `}${step}: ${text}`).map((part) => ({
    text: part,
    colour: isBad ? colours.bad : 'black',
  }))
  const add = (words: string, colour: string, bold = false) => {
    for (const part of wrap(words)) lines.push({ text: part, colour, bold })
  }
  if (packet !== before?.packet) add(packet, colours.dim)
  for (const note of notes) add(note, colours.warn)
  if (end === undefined) return lines
  const { outcome, cause, place, rule } = end
  if (!isBad) add(`${outcome}: ${formatPlace(place)}`, colours.good, true)
  else {
    add(`${outcome} (${cause}) at ${formatPlace(place)}`, colours.bad, true)
    const deciding = rule ?? rules.at(-1)
    if (deciding !== undefined && !text.includes(deciding.text)) add(formatRule(deciding), colours.bad)
    const todo = adviseOn(end)
    if (todo !== undefined) add(`to do: ${todo}`, colours.dim)
  }
  return lines
}

const isArrival = ({ outcome }: End) => outcome === 'delivered' || outcome === 'left'
