// The pod's /etc/hosts and /etc/resolv.conf. Pure text; the starter writes them.
// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/

import type { StoredPod } from './pod.ts'

export interface DnsSettings {
  /** Address of the cluster's DNS service; absent: pods use the node's own. */
  clusterDns?: string
  clusterDomain: string
  /** The node's own resolv.conf. */
  nodeResolvConf: string
}

/** The pod's host name: its own wish, else its name cut to what a host name may be. */
export function hostnameOf({ metadata, spec }: StoredPod): string {
  return spec.hostname || metadata.name.slice(0, 63).replace(/[-.]+$/, '')
}

/** Set when the pod has a name in the cluster's DNS: it asks for a subdomain. */
function domainOf(pod: StoredPod, clusterDomain: string): string | undefined {
  const { metadata, spec } = pod
  if (!spec.subdomain) return undefined
  return `${hostnameOf(pod)}.${spec.subdomain}.${metadata.namespace ?? 'default'}.svc.${clusterDomain}`
}

/** Text of /etc/hosts for a pod with these addresses; on the host's network it is the node's own text, with the pod's aliases. */
export function makeHosts(pod: StoredPod, ips: readonly string[], clusterDomain: string, nodeHosts: string): string {
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`)
  if (pod.spec.hostNetwork === true) return `${[nodeHosts.trimEnd(), ...aliases].join('\n')}\n`
  const names = [domainOf(pod, clusterDomain), hostnameOf(pod)].filter((name) => name !== undefined)
  const fixed = [
    '# Managed by Fairlead: one file for all containers of the pod.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ]
  const own = ips.map((ip) => `${ip}\t${names.join('\t')}`)
  return `${[...fixed, ...own, ...aliases].join('\n')}\n`
}

/** Text of /etc/resolv.conf by the pod's dnsPolicy and dnsConfig. */
export function makeResolvConf({ metadata, spec }: StoredPod, settings: DnsSettings): string {
  const { clusterDns, clusterDomain, nodeResolvConf } = settings
  const node = parseResolvConf(nodeResolvConf)
  const wantsCluster =
    spec.dnsPolicy === 'ClusterFirstWithHostNet' ||
    ((spec.dnsPolicy ?? 'ClusterFirst') === 'ClusterFirst' && spec.hostNetwork !== true)
  const svc = `svc.${clusterDomain}`
  const cluster = {
    nameservers: [clusterDns ?? ''],
    searches: [`${metadata.namespace ?? 'default'}.${svc}`, svc, clusterDomain, ...node.searches],
    options: ['ndots:5'],
  }
  const none = { nameservers: [], searches: [], options: [] }
  const base = spec.dnsPolicy === 'None' ? none : wantsCluster && clusterDns !== undefined ? cluster : node
  const { nameservers = [], searches = [], options = [] } = spec.dnsConfig ?? {}
  return formatResolvConf({
    nameservers: unique([...base.nameservers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: mergeOptions(
      base.options,
      options.map(({ name = '', value }) => (value ? `${name}:${value}` : name)),
    ),
  })
}

interface ResolvConf {
  nameservers: string[]
  searches: string[]
  options: string[]
}

function parseResolvConf(text: string): ResolvConf {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/))
  const all = (word: string) => rows.filter(([first]) => first === word).map(([, ...rest]) => rest)
  return {
    nameservers: all('nameserver').flatMap(([address]) => address ?? []),
    // Of several search lines the last counts: resolv.conf(5).
    searches: all('search').at(-1) ?? [],
    options: all('options').flat(),
  }
}

function formatResolvConf({ nameservers, searches, options }: ResolvConf): string {
  const lines = nameservers.map((address) => `nameserver ${address}`)
  if (searches.length > 0) lines.push(`search ${searches.join(' ')}`)
  if (options.length > 0) lines.push(`options ${options.join(' ')}`)
  return `${lines.join('\n')}\n`
}

/** An option of the pod replaces the one of that name. */
function mergeOptions(base: string[], own: string[]): string[] {
  const names = new Set(own.map((option) => option.split(':')[0]))
  return [...base.filter((option) => !names.has(option.split(':')[0] ?? '')), ...own]
}

const unique = (values: string[]) => [...new Set(values)]
