// Users and groups that mean something by their names, the same in every cluster.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings

/** Members may do everything; no rule takes it from them. */
export const mastersGroup = 'system:masters'
/** All agents. */
export const nodesGroup = 'system:nodes'
/** Everybody who showed a bootstrap token. */
export const bootstrappersGroup = 'system:bootstrappers'

const nodePrefix = 'system:node:'

/** Who the agent of a node is, as its certificates say it. */
export function nodeSubject(node: string): { commonName: string; organizations: string[] } {
  return { commonName: nodePrefix + node, organizations: [nodesGroup] }
}

/** The node whose agent has this user name; undefined for any other name. Only with the group of nodes is it one. */
export function nodeOfUser(name: string): string | undefined {
  return name.startsWith(nodePrefix) && name !== nodePrefix ? name.slice(nodePrefix.length) : undefined
}
