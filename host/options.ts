// Flags that several commands have.

import { hostname } from 'node:os'
import { Option } from 'commander'
import { parseCidrs, parseDomain, parsePool, parsePortRange, parseReachable } from '../api/flags/values.ts'
import { networkKinds, proxyModeWords } from '../api/net/cluster-network.ts'

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
      .argParser(parseRanges),
    new Option('--service-cidr <ranges>', 'addresses of all Services').default('10.96.0.0/16').argParser(parseRanges),
    new Option('--network <kind>', 'how pods reach pods on other nodes').choices(networkKinds).default('host-gw'),
    new Option('--proxy-mode <mode>', 'how Services are served').choices(proxyModeWords).default('iptables'),
  ]
}

/** This host as a node. */
export interface NodeOptions {
  nodeName: string
  nodeIp?: string
  networkPolicy: string
}

/** Flags of NodeOptions. */
export function nodeOptions(): Option[] {
  return [
    new Option('--node-name <name>', "the node's name").default(hostname().toLowerCase(), "the host's own"),
    new Option(
      '--node-ip <addresses>',
      'addresses by which other nodes reach this one; one a family, with a comma between (default: that of the default route)',
    ).argParser(parseAddresses),
    new Option('--network-policy <on|off>', 'whether NetworkPolicies are kept').choices(['on', 'off']).default('on'),
  ]
}

/** What the control plane alone must know. */
export interface ServiceOptions {
  clusterDomain: string
  nodePortRange: string
  loadBalancerPool?: string
}

/** Flags of ServiceOptions. They go into the control plane's command line, which takes the same. */
export function serviceOptions(): Option[] {
  return [
    new Option('--cluster-domain <name>', 'what Services are below in DNS')
      .default('cluster.local')
      .argParser(parseDomain),
    new Option('--node-port-range <from-to>', 'range of node ports').default('30000-32767').argParser((text) => {
      const { from, to } = parsePortRange(text)
      return `${from}-${to}`
    }),
    new Option(
      '--load-balancer-pool <ranges>',
      'addresses for Services of type LoadBalancer: 192.0.2.200-192.0.2.220',
    ).argParser((text) => asList(parsePool(text))),
  ]
}

/** Names of checks whose failure is to be no reason to stop. */
export function ignoreOption(): Option {
  return new Option('--ignore-check <name...>', 'go on although this check fails; you know why').default([])
}

const asList = (values: readonly string[]) => values.join(',')

/** Addresses with a comma between, none of them loopback. */
const parseAddresses = (text: string) => asList(text.split(',').map(parseReachable))

const parseRanges = (text: string) => asList(parseCidrs(text))
