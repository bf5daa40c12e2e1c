// Debian packages that one stage of the tests needs on this host, and scripts/setup leaves out.

import { execa } from 'execa'

/** Installs those that are missing, without what they recommend; returns their names. Needs root and a Debian or Ubuntu host. */
export async function ensureDebianPackages(wanted: readonly string[]): Promise<string[]> {
  const { stdout } = await execa('dpkg', ['--get-selections', ...wanted], { reject: false })
  const installed = new Set(stdout.split('\n').flatMap((line) => /^([^\s:]+)\S*\s+install$/.exec(line)?.[1] ?? []))
  const missing = wanted.filter((name) => !installed.has(name))
  if (missing.length === 0) return []
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await execa('apt-get', ['update', '-qq'], { env })
  await execa('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env })
  return missing
}
