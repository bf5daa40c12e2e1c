// The lab's node network: one namespace holds a bridge, the switch; every node and the host are plugged into it. With VXLAN
// there are two switches, and the namespace routes between them. It is a namespace of its own so that no firewall of the
// host (Docker's FORWARD DROP, for one) sees the frames.

import { existsSync, readFileSync } from 'node:fs'
import { run } from '../cni/linux/exec.ts'
import type { LabLayout, NodeLayout } from './layout.ts'

/** Makes the switches, the router between them if there are two, and the host's link to the first. */
export async function ensureSwitch(lab: LabLayout): Promise<void> {
  await ensureNamespace(lab.switchNetns)
  const inSwitch = { netns: netnsPath(lab.switchNetns) }
  for (const { bridge, gateway, gateway6 } of lab.subnets) {
    if (await linkExists(bridge, inSwitch.netns)) continue
    const lines = [
      `link add ${bridge} type bridge forward_delay 0`,
      `addr add ${gateway}/24 dev ${bridge}`,
      `addr add ${gateway6}/64 dev ${bridge} nodad`,
      `link set ${bridge} up`,
      'link set lo up',
    ]
    await runBatch(lines, inSwitch)
  }
  // Frames between nodes are the switch's business, not iptables'. One switch alone forwards nothing.
  const forward = lab.subnets.length > 1 ? 1 : 0
  const bridged = ['iptables', 'ip6tables'].map((name) => `net.bridge.bridge-nf-call-${name}=0`)
  const routed = [`net.ipv4.ip_forward=${forward}`, `net.ipv6.conf.all.forwarding=${forward}`]
  await run('sysctl', ['-qw', ...bridged, ...routed], inSwitch)
  if (!(await linkExists(lab.hostLink))) await plugHostIn(lab)
}

async function plugHostIn(lab: LabLayout): Promise<void> {
  const [first, ...others] = lab.subnets
  if (first === undefined) return
  await runBatch([
    `link add ${lab.hostLink} type veth peer name host netns ${lab.switchNetns}`,
    `addr add ${lab.hostAddress}/24 dev ${lab.hostLink}`,
    `link set ${lab.hostLink} up`,
    ...others.map(({ gateway }) => `route add ${networkOf(gateway)}/24 via ${first.gateway}`),
  ])
  // A host may have IPv6 turned off; the nodes still speak it among themselves.
  if (hasIpv6())
    await runBatch([
      `addr add ${lab.hostAddress6}/64 dev ${lab.hostLink} nodad`,
      ...others.map(({ gateway6 }) => `route add ${networkOf(gateway6)}/64 via ${first.gateway6}`),
    ])
  await runBatch([`link set host master ${first.bridge} up`], { netns: netnsPath(lab.switchNetns) })
}

function hasIpv6(): boolean {
  const setting = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  return existsSync(setting) && readFileSync(setting, 'utf8').trim() === '0'
}

/** The network of a /24, or of an IPv6 address that ends in one group. */
function networkOf(address: string): string {
  return address.replace(/\d+$/, address.includes(':') ? '' : '0')
}

/** Makes the node's namespace and plugs it in. */
export async function ensureNodeLink(lab: LabLayout, node: NodeLayout): Promise<void> {
  await ensureNamespace(node.netns)
  const subnet = lab.subnets[node.subnet]
  if (subnet === undefined || (await linkExists('eth0', node.netnsPath))) return
  await runBatch(
    [
      `link add ${node.name} type veth peer name eth0 netns ${node.netns}`,
      `link set ${node.name} master ${subnet.bridge} up`,
    ],
    { netns: netnsPath(lab.switchNetns) },
  )
  // The default routes give addresses that only iptables knows (ClusterIPs) a way out of the routing decision.
  const lines = [
    'link set lo up',
    `addr add ${node.address}/24 dev eth0`,
    `addr add ${node.address6}/64 dev eth0 nodad`,
    'link set eth0 up',
    `route add default via ${subnet.gateway}`,
    `route add default via ${subnet.gateway6} dev eth0`,
  ]
  await runBatch(lines, { netns: node.netnsPath })
}

async function runBatch(lines: string[], where: { netns?: string } = {}): Promise<void> {
  await run('ip', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
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
    // Two nodes on different switches meet in the router between them.
    `add table inet ${table}`,
    `add chain inet ${table} forward { type filter hook forward priority 0; policy accept; }`,
    ...routedDrops(table, a, b),
    ...routedDrops(table, b, a),
  ]
  await run('nft', ['-f', '-'], { netns: netnsPath(lab.switchNetns), input: `${rules.join('\n')}\n` })
}

/** Undoes cutLink; a link that is not cut stays as it is. */
export async function healLink(lab: LabLayout, a: NodeLayout, b: NodeLayout): Promise<void> {
  const table = tableOf(a, b)
  await run('nft', ['-f', '-'], {
    netns: netnsPath(lab.switchNetns),
    input: ['bridge', 'inet'].map((kind) => `add table ${kind} ${table}\ndelete table ${kind} ${table}\n`).join(''),
  })
}

function routedDrops(table: string, from: NodeLayout, to: NodeLayout): string[] {
  const rule = `add rule inet ${table} forward`
  return [
    `${rule} ip saddr ${from.address} ip daddr ${to.address} drop`,
    `${rule} ip6 saddr ${from.address6} ip6 daddr ${to.address6} drop`,
  ]
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
