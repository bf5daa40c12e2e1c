// Which API object a rule belongs to, from its comment and its chain: the names that Kubernetes' proxy and Fairlead write.

/** "Service default/web:http", "NetworkPolicy default/deny", "fault f00d", or undefined for a rule of somebody else. */
export function ownerOf(comment: string, chain: string, table = ''): string | undefined {
  const isOfServices = isServiceChain(chain) || / kube-proxy$/.test(table)
  const fault = /^fault (\w+) /.exec(comment)
  if (fault !== null) return `fault ${fault[1]}`
  const policy = /policy ([a-z0-9.-]+\/[a-z0-9.-]+)/.exec(comment)
  if (policy !== null) return `NetworkPolicy ${policy[1]}`
  const service = /(?:^|[ ])([a-z0-9-]+\/[a-z0-9.-]+(?::[a-z0-9-]+)?)(?: |$)/.exec(comment)
  if (service !== null && isOfServices) return `Service ${service[1]}`
  if (/^fairlead/.test(comment) || /^FAIRLEAD/.test(chain)) return 'the pod network of Fairlead'
  return isOfServices || /^kubernetes /.test(comment) ? 'Services' : undefined
}

function isServiceChain(chain: string): boolean {
  return /^KUBE-/.test(chain) || /^(service|endpoint|external|nodeport|firewall|reject|affinity)/i.test(chain)
}
