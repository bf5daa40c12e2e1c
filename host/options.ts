// Flags that several commands have.

import { hostname } from 'node:os'
import { InvalidArgumentError, Option } from 'commander'
import ipaddr from 'ipaddr.js'
import { networkKinds } from '../agent/network/plan.ts'
import { proxyModes } from '../agent/proxy/modes.ts'

/** How pods and Services work, the same on every node. */
export interface ClusterOptions {
  clusterCidr: string
  serviceCidr: string
  network: string
  proxyMode: string
}

/** Flags of ClusterOptions. */
export function clusterOptions(): Option[] {
  return [
    new Option('--cluster-cidr <ranges>', 'addresses of all pods; one range a family, with a comma between')
      .default('10.244.0.0/16')
      .argParser(parseCidrs),
    new Option('--service-cidr <ranges>', 'addresses of all Services').default('10.96.0.0/16').argParser(parseCidrs),
    new Option('--network <kind>', 'how pods reach pods on other nodes').choices(networkKinds).default('host-gw'),
    new Option('--proxy-mode <mode>', 'how Services are served').choices([...proxyModes, 'none']).default('iptables'),
  ]
}

/** Who this host is as a node. */
export interface NodeOptions {
  nodeName: string
  nodeIp?: string
}

/** Flags of NodeOptions. */
export function nodeOptions(): Option[] {
  return [
    new Option('--node-name <name>', "the node's name").default(hostname().toLowerCase(), "the host's own"),
    new Option(
      '--node-ip <addresses>',
      'addresses by which other nodes reach this one; one a family, with a comma between (default: that of the default route)',
    ).argParser(parseAddresses),
  ]
}

/** Names of checks whose failure is to be no reason to stop. */
export function ignoreOption(): Option {
  return new Option('--ignore-check <name...>', 'go on although this check fails; you know why').default([])
}

/** A port number. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Expected a port number, 1 to 65535.')
  return port
}

/** One address that is not loopback. */
export function parseAddress(text: string): string {
  if (!ipaddr.isValid(text)) throw new InvalidArgumentError('Expected an IP address.')
  if (ipaddr.parse(text).range() === 'loopback')
    throw new InvalidArgumentError('It is a loopback address: nodes and pods could not reach it.')
  return text
}

function parseAddresses(text: string): string {
  for (const address of text.split(',')) parseAddress(address)
  return text
}

function parseCidrs(text: string): string {
  for (const range of text.split(','))
    if (!ipaddr.isValidCIDR(range)) throw new InvalidArgumentError(`"${range}" is no range such as 10.244.0.0/16.`)
  return text
}
