// systemd-networkd, which takes away the routes that it has not made: those to other nodes' pods too.

import { readSettings, showUnit } from '../../cni/linux/systemd.ts'

/** Whether it is at work, and may. */
export async function dropsForeignRoutes(): Promise<boolean> {
  // Without systemd, or its bus, it fails.
  const unit = await showUnit('systemd-networkd.service', ['ActiveState']).catch(() => new Map<string, string>())
  return unit.get('ActiveState') === 'active' && managesForeignRoutes(await readSettings('systemd/networkd.conf'))
}

/** networkd.conf(5): it is on unless it is set. Words that mean no are those of systemd.syntax(7). Pure. */
export function managesForeignRoutes(settings: string): boolean {
  const values = [...settings.matchAll(/^[ \t]*ManageForeignRoutes[ \t]*=[ \t]*(\S*)/gm)].map(([, value = '']) => value)
  return !/^(no|n|false|f|off|0)$/i.test(values.at(-1) ?? 'yes')
}
