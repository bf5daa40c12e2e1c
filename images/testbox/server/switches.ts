// What the server has been told to be: unready, unhealthy, slow. POST /control turns the switches.

export interface Switches {
  ready: boolean
  healthy: boolean
  /** Every answer but that of /control waits this long. */
  slowMs: number
  /** On the way to its end: not ready, whatever the switch says. */
  draining: boolean
}

/** All well. */
export const makeSwitches = (): Switches => ({ ready: true, healthy: true, slowMs: 0, draining: false })

/** Returns the exit code when the server is to end, and throws when a value makes no sense. */
export function turnSwitches(switches: Switches, query: URLSearchParams): number | undefined {
  let exitCode: number | undefined
  for (const [name, value] of query) {
    if (name === 'ready') switches.ready = parseBoolean(name, value)
    else if (name === 'healthy') switches.healthy = parseBoolean(name, value)
    else if (name === 'slowMs') switches.slowMs = parseCount(name, value)
    else if (name === 'exit') exitCode = parseCount(name, value)
    else throw new Error(`no switch "${name}": there are ready, healthy, slowMs and exit`)
  }
  return exitCode
}

function parseBoolean(name: string, value: string): boolean {
  if (value !== 'true' && value !== 'false') throw new Error(`${name} is true or false, not "${value}"`)
  return value === 'true'
}

function parseCount(name: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Error(`${name} is a number, not "${value}"`)
  return Number(value)
}
