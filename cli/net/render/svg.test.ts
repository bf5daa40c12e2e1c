import { expect, test } from 'vitest'
import type { End, Hop, Trace } from '../../../api/net/trace.ts'
import { renderSvg } from './svg.ts'

const client = { node: 'node-1', pod: 'default/client' }
const web = { node: 'node-2', pod: 'default/web' }
const hop = (place: Hop['place'], text: string, more: Partial<Hop> = {}): Hop => ({
  place,
  step: 'route',
  device: 'eth0',
  text,
  packet: '10.244.1.2:40000 -> 10.96.0.7:80',
  ...more,
})
const hops = [
  hop(client, 'default via 10.244.1.1'),
  hop({ node: 'node-1' }, 'DNAT', { packet: '10.244.1.2:40000 -> 10.244.2.3:8080' }),
  hop({ node: 'node-2' }, 'dropped "by" <somebody>', { packet: '10.244.1.2:40000 -> 10.244.2.3:8080' }),
  hop(web, 'never seen', { packet: '10.244.1.2:40000 -> 10.244.2.3:8080' }),
]
const rule = {
  table: 'inet fairlead-policy',
  chain: 'pod/default/web/ingress',
  text: 'counter drop',
  packets: 7,
  object: 'NetworkPolicy default/deny',
}

function trace(end: Partial<End>, reply = false): Trace {
  const whole: End = { outcome: 'delivered', cause: 'none', text: 'it arrives', place: web, hop: 3, ...end }
  const leg = { hops, hooks: [], end: whole }
  return {
    flow: { protocol: 'tcp', destination: '10.96.0.7', port: 80, sourcePort: 40_000 },
    paths: [{ forward: leg, ...(reply && { reply: leg }), warnings: [] }],
    more: false,
  }
}

/** Every element that is opened is closed, in order. */
function findUnclosed(svg: string): string[] {
  const open: string[] = []
  for (const [, close, name = '', end] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (end === '/') continue
    if (close === '/') expect(open.pop()).toBe(name)
    else open.push(name)
  }
  return open
}

test('nodes and pods are boxes, each hop is a dot in the box of its place, further down than the one before', () => {
  const svg = renderSvg(trace({}, true))
  expect(findUnclosed(svg)).toEqual([])
  for (const name of ['node-1', 'node-2', 'default/client', 'default/web']) expect(svg).toContain(`>${name}<`)
  const [points = ''] = [...svg.matchAll(/points="([^"]+)"/g)].map(([, each]) => each)
  const dots = points.split(' ').map((point) => point.split(',').map(Number))
  expect(dots).toHaveLength(4)
  for (const axis of [0, 1])
    expect(dots.map((dot) => dot[axis])).toEqual(dots.map((dot) => dot[axis]).toSorted((a = 0, b = 0) => a - b))
  expect(svg).toContain('and back')
  expect(svg).not.toContain('#cf222e')
})

test('a drop is a red cross where it happened, with the rule, and nothing is drawn behind it', () => {
  const svg = renderSvg(trace({ outcome: 'dropped', cause: 'policy', place: { node: 'node-2' }, hop: 2, rule }))
  expect(findUnclosed(svg)).toEqual([])
  expect(svg).toMatch(/<path [^>]*stroke="#cf222e"/)
  expect(svg).toContain('dropped (policy) at node-2')
  expect(svg).toContain(
    '[7 packets] inet fairlead-policy pod/default/web/ingress: counter drop (NetworkPolicy default/deny)',
  )
  expect(svg).toContain('to do: allow it in a network policy')
  const [points = ''] = [...svg.matchAll(/points="([^"]+)"/g)].map(([, each]) => each)
  expect(points.split(' ')).toHaveLength(3)
})

test('letters that mean something in XML are escaped, long words are cut into lines', () => {
  const svg = renderSvg(trace({}))
  expect(svg).toContain('dropped &quot;by&quot; &lt;somebody&gt;')
  const long = trace({})
  hops[0] = hop(client, 'x'.repeat(500))
  for (const [, text = ''] of renderSvg(long).matchAll(/<text [^>]*>([^<]*)</g)) expect(text.length).toBeLessThan(120)
})
