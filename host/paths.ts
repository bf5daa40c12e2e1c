// Where things lie on a host; docs/hosts.md has the table.

/** The one file. */
export const programPath = '/usr/local/bin/fairlead'
/** The one before it, until `upgrade` has seen the new one work. */
export const previousProgramPath = `${programPath}.previous`
export const cniBinDir = '/opt/cni/bin'
/** A link to the one file: called by this name it is the CNI plugin. */
export const cniPluginPath = `${cniBinDir}/cbr`
export const cniConfDir = '/etc/cni/net.d'
/** What people look for. */
export const configDir = '/etc/fairlead'
export const adminKubeconfigPath = `${configDir}/admin.kubeconfig`
/** All that the programs keep. */
export const stateDir = '/var/lib/fairlead'
export const serverDir = `${stateDir}/server`
export const agentDir = `${stateDir}/agent`
export const agentPkiDir = `${agentDir}/pki`
/** What this host was like before, for `reset`. */
export const hostRecordPath = `${stateDir}/host.json`
export const unitDir = '/etc/systemd/system'
export const dockerSocketPath = '/var/run/docker.sock'

/** Names of the units. */
export const serverUnit = 'fairlead-server.service'
export const agentUnit = 'fairlead-agent.service'
