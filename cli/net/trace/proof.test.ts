import { expect, test } from 'vitest'
import type { SeenAt } from '../../../api/net/probe.ts'
import type { HookPass, Leg, TracedPath } from '../../../api/net/trace.ts'
import { compareWithReal } from './proof.ts'

const a = { node: 'node-1', pod: 'default/a' }
const near = { node: 'node-1' }
const far = { node: 'node-2' }
const passing = (place: HookPass['place'], hook: HookPass['hook'], passes = true): HookPass => ({
  place,
  hook,
  hop: 0,
  passes,
})
const leg = (hooks: HookPass[], outcome: Leg['end']['outcome']): Leg => ({
  hops: [],
  hooks,
  end: { outcome, cause: outcome === 'dropped' ? 'rule' : 'none', text: '', place: far, hop: 0 },
})
const back = leg([], 'delivered')
const there = [passing(a, 'output'), passing(near, 'forward'), passing(far, 'input')]
const path = (forward: Leg, reply?: Leg): TracedPath => ({ forward, ...(reply && { reply }), warnings: [] })
const flow = { protocol: 'tcp' as const, destination: '10.0.0.1', port: 80, sourcePort: 40_000 }
const seenAt = (place: SeenAt['place'], hook: SeenAt['hook'], entered = 1, left = entered): SeenAt => ({
  place,
  hook,
  entered,
  left,
})
const allSeen = there.map(({ place, hook }) => seenAt(place, hook))
const answered = { outcome: 'answered' as const, detail: '' }
const silent = { outcome: 'silent' as const, detail: '' }
const compare = (paths: TracedPath[], answer: typeof answered | typeof silent, seen: SeenAt[]) =>
  compareWithReal({ flow, paths, more: false }, 1, answer, seen)

test('a packet seen at every hook of the way, and answered, proves it', () => {
  expect(compare([path(leg(there, 'delivered'), back)], answered, allSeen)).toMatchObject({ agrees: true, path: 0 })
})

test('a packet that is not seen where it should be proves nothing', () => {
  const seen = [...allSeen.slice(0, 2), seenAt(far, 'input', 0)]
  expect(compare([path(leg(there, 'delivered'), back)], silent, seen)).toMatchObject({
    agrees: false,
    differences: ['node-2 input: not seen', 'the sender was left without an answer, but should be answered'],
  })
})

test('a packet that gets further than it should is noticed', () => {
  const dropped = leg([passing(a, 'output'), passing(near, 'forward', false)], 'dropped')
  expect(compare([path(dropped)], silent, allSeen).differences).toEqual([
    'node-1 forward: passed, but should end there',
    'node-2 input: seen, but should not come there',
  ])
  const stopped = [seenAt(a, 'output'), seenAt(near, 'forward', 1, 0), seenAt(far, 'input', 0)]
  expect(compare([path(dropped)], silent, stopped)).toMatchObject({ agrees: true })
})

test('of several ways the one that the packet took is told', () => {
  const local = leg([passing(a, 'output'), passing(near, 'input')], 'delivered')
  const seen = [seenAt(a, 'output'), seenAt(near, 'forward'), seenAt(near, 'input', 0), seenAt(far, 'input')]
  expect(compare([path(local, back), path(leg(there, 'delivered'), back)], answered, seen)).toMatchObject({
    agrees: true,
    path: 1,
  })
})

test('what only large packets meet does not speak against a small one that is answered', () => {
  const large = { ...path(leg(there, 'dropped')), isLargeOnly: true }
  expect(compare([large], answered, allSeen)).toMatchObject({ agrees: true })
})

test('namespaces that nobody watched are not missed', () => {
  expect(compare([path(leg(there, 'delivered'), back)], answered, allSeen.slice(0, 2))).toMatchObject({
    agrees: true,
    hooks: 2,
  })
})

test('a server that says nothing to a datagram without sense speaks against nothing', () => {
  const paths = [path(leg(there, 'delivered'), back)]
  expect(compareWithReal({ flow: { ...flow, protocol: 'udp' }, paths, more: false }, 1, silent, allSeen)).toMatchObject(
    {
      agrees: true,
    },
  )
  expect(compare(paths, silent, allSeen)).toMatchObject({ agrees: false })
})

test('where there are more ways than were followed, it is said that the packet may have gone one of those', () => {
  const paths = [path(leg(there, 'delivered'), back)]
  const seen = [...allSeen.slice(0, 2), seenAt(far, 'input', 0)]
  const { agrees, differences } = compareWithReal({ flow, paths, more: true }, 1, answered, seen)
  expect(agrees).toBe(false)
  expect(differences).toEqual([
    'node-2 input: not seen',
    'it may have gone another way than the first 1: --limit says how many are followed',
  ])
  expect(compareWithReal({ flow, paths, more: true }, 1, answered, allSeen)).toMatchObject({ agrees: true })
})
