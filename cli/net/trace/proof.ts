// Holds what a real packet met against the ways that were worked out: it must have come to just the hooks of one of them, and to its
// end.

import type { SeenAt, SendAnswer } from '../../../api/net/probe.ts'
import type { HookPass, Proof, Trace, TracedPath } from '../../../api/net/trace.ts'
import { formatPlace } from './world.ts'

/** The way that fits best, and whether it fits. */
export function compareWithReal(
  { flow, paths, more }: Pick<Trace, 'flow' | 'paths' | 'more'>,
  mark: number,
  { outcome, detail }: SendAnswer,
  seen: readonly SeenAt[],
): Proof {
  const real = { mark, outcome, detail }
  if (outcome === 'unsent') return { ...real, agrees: false, hooks: 0, differences: [`it was not sent: ${detail}`] }
  const candidates = paths.map((path, at) => {
    const expected = expectHooks(path.forward.hooks, seen)
    const differences = [...compareHooks(expected, seen), ...compareEnd(path, outcome, flow)]
    return { at, hooks: expected.length, differences }
  })
  const best = candidates.sort((a, b) => a.differences.length - b.differences.length)[0]
  if (best === undefined) return { ...real, agrees: false, hooks: 0, differences: ['no way was worked out'] }
  const { at, hooks, differences } = best
  const agrees = differences.length === 0
  if (!agrees && more)
    differences.push(`it may have gone another way than the first ${paths.length}: --limit says how many are followed`)
  return { ...real, ...(agrees && { path: at }), agrees, hooks, differences }
}

/** Hooks in namespaces that were watched. */
function expectHooks(hooks: readonly HookPass[], seen: readonly SeenAt[]): HookPass[] {
  const watched = new Set(seen.map(({ place }) => `${place.node} ${place.pod ?? ''}`))
  return hooks.filter(({ place }) => watched.has(`${place.node} ${place.pod ?? ''}`))
}

function compareHooks(expected: readonly HookPass[], seen: readonly SeenAt[]): string[] {
  return seen.flatMap(({ place, hook, entered, left }) => {
    const mine = expected.filter(
      (each) => each.hook === hook && each.place.node === place.node && each.place.pod === place.pod,
    )
    const where = `${formatPlace(place)} ${hook}`
    if (mine.length === 0) return entered > 0 ? [`${where}: seen, but should not come there`] : []
    if (entered === 0) return [`${where}: not seen`]
    const shouldLeave = mine.some(({ passes }) => passes)
    if (shouldLeave === left > 0) return []
    return [shouldLeave ? `${where}: seen, but did not pass` : `${where}: passed, but should end there`]
  })
}

/** What the sender hears. Of an echo that gets no answer, ping tells no more; to a datagram without sense servers say nothing. */
function compareEnd(path: TracedPath, outcome: Proof['outcome'], { protocol }: Trace['flow']): string[] {
  const expected = expectOutcome(path)
  if (expected === undefined || expected === outcome) return []
  if (protocol === 'icmp' && outcome === 'silent' && expected === 'refused') return []
  if (protocol === 'udp' && outcome === 'silent' && expected === 'answered') return []
  return [`the sender was ${wording[outcome]}, but should be ${wording[expected]}`]
}

const wording: Record<Proof['outcome'], string> = {
  answered: 'answered',
  refused: 'refused',
  silent: 'left without an answer',
  unsent: 'not able to send',
}

/** Undefined: nobody here can know, as the answer is somebody else's. */
function expectOutcome({ forward, reply, isLargeOnly }: TracedPath): Proof['outcome'] | undefined {
  if (isLargeOnly === true) return 'answered'
  if (forward.end.outcome === 'left' || forward.end.isElsewhere === true) return undefined
  const end = forward.end.outcome === 'delivered' ? reply?.end : forward.end
  if (end === undefined || end.outcome === 'delivered' || end.outcome === 'left') return 'answered'
  // That the answer was refused hears who answered, not who asked.
  return end.outcome === 'refused' && end === forward.end ? 'refused' : 'silent'
}
