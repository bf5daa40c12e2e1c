/** Milliseconds from a certificate to a Node that protects its name itself: an agent starts and registers meanwhile. */
const windowMs = 60_000

/**
 * Names that hosts were let in under a moment ago, so that of several that come at once one becomes the node. Kept in memory
 * alone: a control plane that starts anew within the window may let in a second one.
 */
export class GivenNames {
  /** Oldest first. */
  readonly #given = new Map<string, { requestUid: string; atMs: number }>()

  /** Gives a name for a request; why not, if another request got it. May be asked again for the same one. */
  give(name: string, requestUid: string, nowMs: number): string | undefined {
    for (const [old, { atMs }] of this.#given) {
      if (atMs > nowMs - windowMs) break
      this.#given.delete(old)
    }
    const given = this.#given.get(name)
    if (given !== undefined && given.requestUid !== requestUid)
      return (
        `node "${name}" was given to another host ${Math.round((nowMs - given.atMs) / 1000)} s ago: ` +
        `give this host another name, or, if it is the same one, try again in ${windowMs / 1000} s`
      )
    if (given === undefined) this.#given.set(name, { requestUid, atMs: nowMs })
    return undefined
  }
}
