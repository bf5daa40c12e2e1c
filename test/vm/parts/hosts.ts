// A host of one's own: init, a pod, reset, beside a user's containers, networks and rules, with the one file and systemd.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Guest } from '../guest.ts'
import type { Part, PartContext, PartResult } from '../part.ts'

const root = join(import.meta.dirname, '../../..')
const program = '/root/fairlead'
const snapshot = '/root/host-snapshot.sh'
const kubeconfig = 'export KUBECONFIG=/etc/fairlead/admin.kubeconfig'

export const hosts: Part = {
  name: 'hosts',
  title: "a host of one's own: init, a pod, reset, and everything else as it was",
  run: async (context) => {
    await prepare(context)
    const result = { passed: 0, failed: 0, skipped: 0 }
    for (const [title, act] of steps) await count(result, title, () => act(context.guest), context)
    await context.guest.run('/usr/local/bin/fairlead reset --yes; systemctl disable --now docker docker.socket || true')
    return result
  },
}

/** A user's own things beside which the host is set up. */
const things = `
  systemctl enable --now docker
  ${program} images --out /root/images.tar && docker load --quiet --input /root/images.tar && docker tag fairlead/pause:1 users:1
  docker rmi $(docker images --format '{{.Repository}}:{{.Tag}}' | grep ^fairlead/)
  docker network create users && docker run --detach --name users --network users --publish 8088:80 users:1
  iptables -I INPUT -s 203.0.113.0/24 -j DROP -m comment --comment users
  iptables -t nat -A PREROUTING -p tcp --dport 9999 -j REDIRECT --to-ports 22
  nft add table inet users
  nft 'add chain inet users c { type filter hook input priority 5; }; add rule inet users c ip saddr 203.0.113.9 drop'
  ipset create users hash:ip && ipset add users 203.0.113.1`

async function prepare({ guest, say }: PartContext): Promise<void> {
  const file = join(root, 'dist/fairlead')
  if (!existsSync(file)) await execa(process.execPath, [join(root, 'scripts/build-executable.ts')])
  say('copying the one file into the guest')
  await guest.copy(file, program)
  await guest.copy(join(root, 'test/vm/programs/host-snapshot.sh'), snapshot)
  await guest.run(`chmod +x ${program} ${snapshot}; ${things}`)
}

const steps: [string, (guest: Guest) => Promise<void>][] = [
  ['a host without Docker is refused, and nothing is written', withoutDocker],
  ['init makes a cluster with this host as its ready node', init],
  ['a second init says what is there and changes nothing', secondInit],
  ['a pod runs, and the cluster DNS with it', runPod],
  ['reset leaves the host as it was', reset],
  ['a second reset finds nothing', secondReset],
]

async function count(result: PartResult, title: string, act: () => Promise<void>, { say }: PartContext): Promise<void> {
  const started = performance.now()
  try {
    await act()
    result.passed++
    say(`ok - ${title} (${((performance.now() - started) / 1000).toFixed(0)} s)`)
  } catch (error) {
    result.failed++
    say(`not ok - ${title}\n${error instanceof Error ? error.message : error}`)
  }
}

async function withoutDocker(guest: Guest): Promise<void> {
  await guest.run('systemctl stop docker.socket docker')
  const { exitCode, output } = await guest.follow(`${program} init`, () => undefined)
  await guest.run('systemctl start docker && docker start users')
  if (exitCode !== 1 || !output.includes('systemctl enable --now docker')) throw new Error(output)
  const written = await guest.run('ls -d /etc/fairlead /var/lib/fairlead /usr/local/bin/fairlead 2>/dev/null || true')
  if (written !== '') throw new Error(`there is ${written}`)
}

async function init(guest: Guest): Promise<void> {
  await guest.run(`${snapshot} /tmp/snapshot/before`)
  const { exitCode, output } = await guest.follow(`${program} init`, () => undefined)
  if (exitCode !== 0 || !/fairlead join \S+:6443 --token \S+ --ca-cert-hash sha256:/.test(output))
    throw new Error(output)
  const nodes = await guest.run(`${kubeconfig}; fairlead get nodes`)
  if (!/^vm\s+Ready/m.test(nodes)) throw new Error(nodes)
}

async function secondInit(guest: Guest): Promise<void> {
  const { exitCode, output } = await guest.follow('fairlead init', () => undefined)
  if (exitCode !== 1 || !output.includes('set up already')) throw new Error(output)
  await guest.run('systemctl is-active fairlead-server fairlead-agent')
}

async function runPod(guest: Guest): Promise<void> {
  await guest.run(`${kubeconfig}; fairlead rollout status deployment/dns -n kube-system --timeout 300s`)
  const address = await guest.run(`${kubeconfig}; fairlead get pods -n kube-system -o wide`)
  if (!/10\.244\.\d+\.\d+/.test(address)) throw new Error(address)
}

async function reset(guest: Guest): Promise<void> {
  const { exitCode, output } = await guest.follow('fairlead reset --yes', () => undefined)
  if (exitCode !== 0) throw new Error(output)
  await guest.run(`${snapshot} /tmp/snapshot/after`)
  const difference = await guest.run('diff --recursive /tmp/snapshot/before /tmp/snapshot/after || true')
  if (difference !== '') throw new Error(difference)
}

async function secondReset(guest: Guest): Promise<void> {
  const { exitCode, output } = await guest.follow(`${program} reset --yes`, () => undefined)
  if (exitCode !== 0 || !output.includes('nothing of Fairlead')) throw new Error(output)
}
