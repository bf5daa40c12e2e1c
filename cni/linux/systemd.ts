// The only door to systemd: systemctl and what its journal holds of a unit.

import { existsSync } from 'node:fs'
import { CommandError, run } from './exec.ts'

/** Properties of a unit, as `systemctl show` names and prints them; of a unit that is not there LoadState is "not-found". */
export async function showUnit(unit: string, names: readonly string[]): Promise<Map<string, string>> {
  const text = await run('systemctl', ['show', unit, `--property=${names.join(',')}`])
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf('=')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
}

/** The text of a program's settings, such as "systemd/networkd.conf", with all that is beside it; what stands last counts. */
export async function readSettings(name: string): Promise<string> {
  return await run('systemd-analyze', ['cat-config', name])
}

/** Makes systemd read its unit files again. */
export async function reloadUnits(): Promise<void> {
  await run('systemctl', ['daemon-reload'])
}

/** Starts the unit now and at each boot. */
export async function enableUnit(unit: string): Promise<void> {
  await run('systemctl', ['enable', '--now', '--quiet', unit])
}

/** Stops the unit and keeps it from starting at boot. */
export async function disableUnit(unit: string): Promise<void> {
  await run('systemctl', ['disable', '--now', '--quiet', unit])
}

/** Stops and starts the unit; one that does not run is started. */
export async function restartUnit(unit: string): Promise<void> {
  await run('systemctl', ['restart', unit])
}

/** Stops units of any kind, slices among them, and what is in them. That one is not loaded, or no systemd runs here, is no error. */
export async function stopUnits(units: readonly string[]): Promise<void> {
  if (units.length === 0 || !existsSync('/run/systemd/system')) return
  try {
    await run('systemctl', ['stop', ...units])
  } catch (error) {
    if (!(error instanceof CommandError && error.stderr.includes('not loaded'))) throw error
  }
}

/** Names of loaded slices that fit a pattern such as "kubepods*.slice". */
export async function listSlices(pattern: string): Promise<string[]> {
  const text = await run('systemctl', ['list-units', '--all', '--plain', '--no-legend', '--type=slice', pattern])
  return text.split('\n').flatMap((line) => /^(\S+\.slice)\s/.exec(line)?.[1] ?? [])
}

/** Forgets that units have failed. */
export async function forgetFailures(units: readonly string[]): Promise<void> {
  await run('systemctl', ['reset-failed', ...units])
}

/** The last lines that the unit's own programs wrote. */
export async function readJournal(unit: string, lines: number): Promise<string> {
  const ofUnit = [`_SYSTEMD_UNIT=${unit}`, '--lines', String(lines)]
  return await run('journalctl', [...ofUnit, '--no-pager', '--quiet', '--output', 'cat'])
}
