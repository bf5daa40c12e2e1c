// The lab's node network: one namespace holds a bridge, the switch; every node and the host are plugged into it. The switch
// has a namespace of its own so that no firewall of the host (Docker's FORWARD DROP, for one) sees the frames.

import { existsSync } from 'node:fs'
import { run } from '../cni/linux/exec.ts'
import type { LabLayout, NodeLayout } from './layout.ts'

const bridge = 'switch0'

/** Makes the switch and the host's link to it. */
export async function ensureSwitch(lab: LabLayout): Promise<void> {
  await ensureNamespace(lab.switchNetns)
  const inSwitch = { netns: netnsPath(lab.switchNetns) }
  if (!(await linkExists(bridge, inSwitch.netns))) {
    await run('ip', ['-batch', '-'], {
      ...inSwitch,
      input: `link add ${bridge} type bridge forward_delay 0\naddr add ${lab.gatewayAddress}/24 dev ${bridge}\nlink set ${bridge} up\nlink set lo up\n`,
    })
    // Frames between nodes are the switch's business, not iptables'.
    await run(
      'sysctl',
      ['-qw', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0', 'net.ipv4.ip_forward=0'],
      inSwitch,
    )
  }
  if (await linkExists(lab.hostLink)) return
  await run('ip', ['-batch', '-'], {
    input: `link add ${lab.hostLink} type veth peer name host netns ${lab.switchNetns}\naddr add ${lab.hostAddress}/24 dev ${lab.hostLink}\nlink set ${lab.hostLink} up\n`,
  })
  await run('ip', ['-batch', '-'], { ...inSwitch, input: `link set host master ${bridge} up\n` })
}

/** Makes the node's namespace and plugs it in. */
export async function ensureNodeLink(lab: LabLayout, node: NodeLayout): Promise<void> {
  await ensureNamespace(node.netns)
  if (await linkExists('eth0', node.netnsPath)) return
  const inSwitch = { netns: netnsPath(lab.switchNetns) }
  await run('ip', ['-batch', '-'], {
    ...inSwitch,
    input: `link add ${node.name} type veth peer name eth0 netns ${node.netns}\nlink set ${node.name} master ${bridge} up\n`,
  })
  // The default route gives addresses that only iptables knows (ClusterIPs) a way out of the routing decision.
  await run('ip', ['-batch', '-'], {
    netns: node.netnsPath,
    input: `link set lo up\naddr add ${node.address}/24 dev eth0\nlink set eth0 up\nroute add default via ${lab.gatewayAddress}\n`,
  })
}

/** Removes the node's namespace with all that is in it: a dead machine keeps no kernel state. */
export async function removeNodeLink(node: NodeLayout): Promise<void> {
  if (existsSync(node.netnsPath)) await run('ip', ['netns', 'delete', node.netns])
}

/** Removes every namespace and link of the lab, also those that a broken lab left. */
export async function removeNetwork(lab: LabLayout): Promise<void> {
  if (await linkExists(lab.hostLink)) await run('ip', ['link', 'delete', lab.hostLink])
  for (const name of await listNamespaces(`fairlead-${lab.lab}-`)) await run('ip', ['netns', 'delete', name])
}

/** Destinations of the host's routes and its own addresses, as `ip` prints them. */
export async function hostDestinations(exceptLink: string): Promise<string[]> {
  const routes: { dst: string; dev?: string }[] = JSON.parse(
    await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all']),
  )
  return routes.filter(({ dev }) => dev !== exceptLink).map(({ dst }) => dst)
}

/** Lets no frame pass between two nodes until heal. */
export async function cutLink(lab: LabLayout, a: NodeLayout, b: NodeLayout): Promise<void> {
  await healLink(lab, a, b)
  const table = tableOf(a, b)
  const rules = [
    `add table bridge ${table}`,
    `add chain bridge ${table} forward { type filter hook forward priority 0; policy accept; }`,
    `add rule bridge ${table} forward iifname "${a.name}" oifname "${b.name}" drop`,
    `add rule bridge ${table} forward iifname "${b.name}" oifname "${a.name}" drop`,
  ]
  await run('nft', ['-f', '-'], { netns: netnsPath(lab.switchNetns), input: `${rules.join('\n')}\n` })
}

/** Undoes cutLink; a link that is not cut stays as it is. */
export async function healLink(lab: LabLayout, a: NodeLayout, b: NodeLayout): Promise<void> {
  const table = tableOf(a, b)
  await run('nft', ['-f', '-'], {
    netns: netnsPath(lab.switchNetns),
    input: `add table bridge ${table}\ndelete table bridge ${table}\n`,
  })
}

function tableOf(a: NodeLayout, b: NodeLayout): string {
  return `cut_${[a.name, b.name].sort().join('_').replaceAll('-', '')}`
}

function netnsPath(name: string): string {
  return `/run/netns/${name}`
}

async function ensureNamespace(name: string): Promise<void> {
  if (!(await listNamespaces(name)).includes(name)) await run('ip', ['netns', 'add', name])
}

async function listNamespaces(prefix: string): Promise<string[]> {
  const names = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '')
  return names.filter((name) => name.startsWith(prefix))
}

async function linkExists(link: string, netns?: string): Promise<boolean> {
  const links: { ifname?: string }[] = JSON.parse(
    (await run('ip', ['-json', 'link', 'show'], netns === undefined ? {} : { netns })) || '[]',
  )
  return links.some(({ ifname }) => ifname === link)
}
