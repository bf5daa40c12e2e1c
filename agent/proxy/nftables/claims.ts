// Who may write what two Services want at once: an external address and port, or a ClusterIP that has changed hands faster
// than the news of it. One of them gets it, always the same one, and the other as soon as it is free.

export class Claims {
  readonly #claimants = new Map<string, string | Set<string>>()

  /** Others that claim what the claimant starts or ceases to claim: their ownership may change with that. */
  rivals(claimant: string, before: readonly string[], after: readonly string[]): string[] {
    return differing(before, after).flatMap((claim) => this.#claimantsOf(claim).filter((other) => other !== claimant))
  }

  /** The claimant's claims are these from now on. */
  change(claimant: string, before: readonly string[], after: readonly string[]): void {
    const claimed = new Set(after)
    for (const claim of differing(before, after)) this.#set(claim, claimant, claimed.has(claim))
  }

  /** Whether the claimant owns what it has claimed. */
  owns(claimant: string, claim: string): boolean {
    return this.#claimantsOf(claim).every((other) => claimant <= other)
  }

  #claimantsOf(claim: string): string[] {
    const claimants = this.#claimants.get(claim)
    return claimants === undefined ? [] : typeof claimants === 'string' ? [claimants] : [...claimants]
  }

  /** One claimant is the rule: it is kept without a set around it. */
  #set(claim: string, claimant: string, claims: boolean): void {
    const claimants = new Set(this.#claimantsOf(claim))
    if (claims) claimants.add(claimant)
    else claimants.delete(claimant)
    const [only] = claimants
    if (only === undefined) this.#claimants.delete(claim)
    else this.#claimants.set(claim, claimants.size === 1 ? only : claimants)
  }
}

function differing(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)]
  return [...before.filter((claim) => !now.has(claim)), ...after.filter((claim) => !old.has(claim))]
}
