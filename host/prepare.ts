// What `init` and `join` have in common: they refuse a host that is set up already, check, write down what the host was like,
// and take everything back when a later step fails.

import { existsSync } from 'node:fs'
import type { HostWish } from './checks/check.ts'
import { checkHost } from './checks/checks.ts'
import type { HostFacts } from './checks/facts.ts'
import { formatResults } from './checks/report.ts'
import { Refusal } from './failure.ts'
import { loadImages } from './images.ts'
import { withInterruption } from './interruption.ts'
import { programPath } from './paths.ts'
import { installProgram, ownProgram } from './program-file.ts'
import { step, tell } from './progress.ts'
import { ensureRecord } from './record.ts'
import { removeEverything, tellRemoval } from './removal.ts'
import { blocking } from './settings.ts'

/** Throws, having shown what is wrong, when the host cannot become what is wished, or is it already. */
export function validateHost(facts: HostFacts, wish: HostWish, ignored: readonly string[]): void {
  refuseSecond(facts)
  const results = checkHost(facts, wish)
  const notable = results.filter(({ state }) => state !== 'ok')
  if (notable.length > 0) process.stderr.write(formatResults(notable))
  const failures = blocking(results, ignored)
  if (failures.length > 0)
    throw new Refusal(
      `${failures.length} check${failures.length === 1 ? '' : 's'} failed; nothing was changed. Mend this, or take it upon yourself with --ignore-check "${failures[0]?.name}"`,
    )
}

function refuseSecond({ units, leftovers }: HostFacts): void {
  if (units.length === 0) return
  const what = units.map(({ name, state }) => `${name} (${state})`).join(' and ')
  throw new Refusal(
    `this host is set up already: ${what}, ${leftovers.length} things of ours in all. Nothing was changed.
  fairlead token create --print-join-command   to add other hosts
  systemctl status ${units[0]?.name}           to see how it does
  fairlead reset                               to begin anew`,
  )
}

/**
 * Changes the host by `act`; when that fails or is interrupted, the host is as it was before. Where something of Fairlead was before,
 * which the user took upon himself, all stays: nobody could tell it from what came since, and it may be a store with a cluster in it.
 */
export async function changeHost(facts: HostFacts, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  await withInterruption(async (signal) => {
    try {
      await installBase(facts)
      await act(signal)
      signal.throwIfAborted()
    } catch (error) {
      await takeBack(facts)
      // What was under way when somebody broke it off fails with words of its own.
      throw signal.aborted ? signal.reason : error
    }
  })
}

async function takeBack({ leftovers }: HostFacts): Promise<void> {
  if (leftovers.length > 0)
    return tell('something of Fairlead was here before: nothing is taken back; fairlead reset removes all of it')
  tell('taking back what was done')
  tellRemoval(await removeEverything())
}

async function installBase({ addresses }: HostFacts): Promise<void> {
  ownProgram()
  const devices = [...new Set(addresses.map(({ dev }) => dev))]
  await ensureRecord(devices, existsSync(programPath) ? [programPath] : [])
  await step(`the file at ${programPath}`, installProgram)
}

/** Hands the images to Docker that pods need before any registry is reached. */
export async function provideImages(signal: AbortSignal): Promise<void> {
  await step('images in Docker', () => loadImages(signal))
}
