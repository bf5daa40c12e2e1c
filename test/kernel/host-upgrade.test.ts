// `fairlead upgrade` that is broken off between its steps, or finds no file to go back to: in a host of its own whose control plane
// only says that it is ready.

import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HostWorld } from '../support/host-world.ts'

const program = '/usr/local/bin/fairlead'
const main = join(import.meta.dirname, '../../host/main.ts')
let host: HostWorld

/** Restarts as the file /opt/restart says, once; the unit's flags are where `systemctl cat` would show them, not in its file. */
const systemctl = `#!/bin/sh
case "$1" in
  show) echo NRestarts=0; echo 'ExecStart={ argv[]=fairlead server --cluster-dns 10.96.0.10 --cluster-domain lan ; }' ;;
  restart)
    echo "$2" >> /opt/restarted
    [ ! -e /opt/restart ] || { mv /opt/restart /opt/restart-now; . /opt/restart-now; } ;;
esac`

/**
 * /readyz is well, and the cluster's DNS is what /opt/dns says. Whoever asks at the former port is refused, and only then is the
 * administrator's kubeconfig for the new one.
 */
const apiServer = `
  const { readFileSync, writeFileSync } = require('node:fs')
  const kubeconfig = '/etc/fairlead/admin.kubeconfig'
  require('node:http').createServer((_, answer) => {
    writeFileSync(kubeconfig, readFileSync(kubeconfig, 'utf8').replace('6444', '6443'))
    answer.writeHead(401).end()
  }).listen(6444, '127.0.0.1')
  require('node:http').createServer(({ url }, answer) => {
    const code = url === '/readyz' ? 200 : Number(readFileSync('/opt/dns', 'utf8'))
    answer.writeHead(code, { 'content-type': 'application/json' })
    answer.end(JSON.stringify({ apiVersion: 'v1', kind: 'Status', code, reason: code === 404 ? 'NotFound' : 'InternalError', message: 'dns: ' + code }))
  }).listen(6443, '127.0.0.1', () => console.log('listening'))`

const kubeconfig = JSON.stringify({
  'current-context': 'a',
  clusters: [{ name: 'a', cluster: { server: 'http://127.0.0.1:6443' } }],
  contexts: [{ name: 'a', context: { cluster: 'a' } }],
})

const programOf = (version: string) => `printf '#!/bin/sh\\n[ "$1" != version ] || echo ${version}\\n'`

beforeEach(async () => {
  host = await HostWorld.create()
  await host.sh(`
    mkdir -p /etc/fairlead; echo '${kubeconfig}' > /etc/fairlead/admin.kubeconfig
    touch /etc/systemd/system/fairlead-server.service
    ${programOf('old')} > ${program}; ${programOf('new')} > /opt/new; chmod +x ${program} /opt/new
    echo 404 > /opt/dns
    cat > $(command -v systemctl) <<'END'\n${systemctl}\nEND
    ${process.execPath} -e "${apiServer.replaceAll('"', '\\"')}" > /opt/api-server 2>&1 & echo $! > /opt/pid
    until grep -q listening /opt/api-server; do sleep 0.1; done`)
})
afterEach(async () => {
  await host?.sh('kill $(cat /opt/pid)').catch(() => undefined /* it was not started */)
  await host?.close()
})

/** What is said; the exit code is in it. */
const upgrade = (file: string) =>
  host.sh(`FAIRLEAD_PROGRAM=${file} ${process.execPath} ${main} upgrade 2>&1 || echo "ends with $?"`)
const listPrograms = () => host.sh(`for file in ${program}*; do echo $file $($file version); done`)

test('an upgrade that is killed before a restart is finished by a call of the file at its place', async () => {
  await host.sh(`echo 'kill -9 $PPID' > /opt/restart`)
  expect(await upgrade('/opt/new')).toContain('ends with 137')
  expect(await listPrograms()).toBe(`${program} new\n${program}.previous old`)
  expect(await upgrade(program)).toContain('this host runs new')
  expect([await listPrograms(), await host.sh('wc -l < /opt/restarted')]).toEqual([`${program} new`, '2'])
  expect(await upgrade(program)).toContain('this is the file that the host runs already')
})

test('an upgrade whose last step fails is not over', async () => {
  await host.sh('echo 500 > /opt/dns')
  expect(await upgrade('/opt/new')).toMatch(/This host runs new, and lacks this last step: call it again\nends with 1/)
  await host.sh('echo 404 > /opt/dns')
  expect(await upgrade(program)).toContain('this host runs new')
  expect(await listPrograms()).toBe(`${program} new`)
})

test('credentials that the new control plane makes are taken when the former are refused', async () => {
  await host.sh(`echo 'sed -i s/6443/6444/ /etc/fairlead/admin.kubeconfig' > /opt/restart`)
  expect(await upgrade('/opt/new')).toContain('this host runs new')
})

test('an upgrade that is interrupted says so, whatever its program died of, and goes back', async () => {
  await host.sh(`echo 'kill -INT $PPID; kill -INT $$' > /opt/restart`)
  expect(await upgrade('/opt/new')).toMatch(/fairlead: interrupted\nThis host is back at old\nends with 1/)
  expect(await listPrograms()).toBe(`${program} old`)
})

test.each(['rm', 'truncate --size 0', 'truncate --size 5'])(
  'without a file to go back to (%s) nothing is done',
  async (damage) => {
    await host.sh(`${damage} ${program}`)
    const said = await upgrade('/opt/new')
    expect(said).toMatch(/the file to go back to does not run: .*Nothing was changed\n {2}install -m 755 \/opt\/new/s)
    expect(await host.sh(`ls /opt/restarted ${program}.previous 2>&1 || true`)).not.toMatch(/^\//m)
  },
)
