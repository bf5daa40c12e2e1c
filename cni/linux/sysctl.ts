// The only door to sysctl: settings of one network namespace by their dotted names.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** Values of settings that the kernel has; of others nothing. */
export async function readSysctls(names: readonly string[], where: Where = {}): Promise<Map<string, string>> {
  const text = await run('sysctl', ['-e', ...names], where)
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [name, value] = line.split(' = ')
      return name === undefined || value === undefined ? [] : [[name, value.trim()]]
    }),
  )
}

/** Sets them all. Throws when the kernel lacks one or refuses the value. */
export async function writeSysctls(values: ReadonlyMap<string, string>, where: Where = {}): Promise<void> {
  if (values.size > 0) await run('sysctl', ['-qw', ...[...values].map(([name, value]) => `${name}=${value}`)], where)
}
