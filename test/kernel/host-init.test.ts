// `fairlead init` that does not come to its end: in a host of its own, whose systemctl enables nothing.

import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HostWorld } from '../support/host-world.ts'

const main = join(import.meta.dirname, '../../host/main.ts')
let host: HostWorld

/** Ends, and lets the command end, as the file /opt/enable says. */
const systemctl = `#!/bin/sh
[ "$1" != enable ] || . /opt/enable`

beforeEach(async () => {
  host = await HostWorld.create()
  await host.sh(`
    ip link add uplink type veth peer wire; ip link set wire up; ip address add 192.0.2.10/24 dev uplink; ip link set uplink up
    printf '#!/bin/sh\\necho version\\n' > /opt/fairlead; chmod +x /opt/fairlead
    echo 'echo it is broken >&2; exit 1' > /opt/enable
    cat > $(command -v systemctl) <<'END'\n${systemctl}\nEND`)
})
afterEach(async () => await host?.close())

/** What is said; the exit code is in it. */
const init = (...ignored: string[]) => {
  const words = [
    'init',
    '--no-node',
    '--no-dns',
    '--advertise-address',
    '192.0.2.10',
    '--cluster-cidr',
    '198.18.0.0/16',
  ]
  const ignore = ['systemd', 'memory', 'disk', ...ignored].join(' ')
  return host.sh(
    `FAIRLEAD_PROGRAM=/opt/fairlead ${process.execPath} ${main} ${words.join(' ')} --ignore-check ${ignore} 2>&1 || echo "ends with $?"`,
  )
}
const listFiles = () =>
  host.sh(
    'ls -d /var/lib/fairlead/* /etc/fairlead /etc/systemd/system/fairlead-* /usr/local/bin/fairlead* /opt/cni 2>/dev/null || true',
  )

test('an init that fails leaves the host as it was', async () => {
  expect(await init()).toMatch(/taking back what was done.*it is broken\nends with 1/s)
  expect(await listFiles()).toBe('')
})

test('an init that is interrupted says so, whatever its program died of, and leaves the host as it was', async () => {
  await host.sh(`echo 'kill -INT $PPID; kill -INT $$' > /opt/enable`)
  expect(await init()).toMatch(/taking back what was done.*fairlead: interrupted\nends with 1/s)
  expect(await listFiles()).toBe('')
})

test('where a store was before nothing is taken back', async () => {
  await host.sh('mkdir -p /var/lib/fairlead/server && echo cluster > /var/lib/fairlead/server/store')
  expect(await init()).toContain('1 check failed; nothing was changed')
  expect(await init('leftovers')).toMatch(/nothing is taken back; fairlead reset.*it is broken\nends with 1/s)
  expect(await host.sh('cat /var/lib/fairlead/server/store')).toBe('cluster')
})
