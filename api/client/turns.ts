// Lets calls that must not overlap wait for one another.

export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs the call after those before it, whether they failed or not; settles as the call does. */
  async take<T>(call: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(call)
    this.#last = turn.catch(() => undefined) // the caller hears of it
    return await turn
  }
}
