// The text of our systemd units. All settings are flags, for `systemctl cat` to show; what is not set is the program's own choice. Pure.

import { agentDir, agentPkiDir, cniBinDir, cniConfDir, programPath, serverDir } from './paths.ts'
import type { NodeSettings, ServerSettings } from './settings.ts'

/** Modules that the kernel does not load by itself when they are needed; one that a kernel lacks is no failure here. */
const modules = ['br_netfilter', 'overlay', 'nf_conntrack']
const ipvsModules = ['ip_vs', 'ip_vs_rr', 'ip_set']

/** The control plane's unit. */
export function serverUnitText(settings: ServerSettings): string {
  const { advertiseAddress, serverNames, port, nodePortRange, loadBalancerPool } = settings
  return formatUnit({
    description: 'Fairlead control plane: API server, scheduler, controllers',
    after: ['network-online.target', 'time-sync.target'],
    start: [
      `${programPath} server`,
      `--data-dir ${serverDir}`,
      ...(advertiseAddress === undefined ? [] : [`--advertise-address ${advertiseAddress}`]),
      ...serverNames.map((name) => `--server-name ${name}`),
      `--port ${port}`,
      ...clusterFlags(settings),
      `--node-port-range ${nodePortRange}`,
      ...(loadBalancerPool === undefined ? [] : [`--load-balancer-pool ${loadBalancerPool}`]),
    ],
    // Short of memory, what the host has least use of without the control plane goes first.
    service: ['OOMScoreAdjust=-900'],
  })
}

/** The agent's unit. Pods are Docker's children, not the unit's: they run on when it stops. */
export function agentUnitText(settings: NodeSettings, { resolvConf }: { resolvConf: string }): string {
  const { nodeName, nodeIp, networkPolicy, proxyMode } = settings
  const wanted = [...modules, ...(proxyMode === 'ipvs' ? ipvsModules : [])]
  return formatUnit({
    description: 'Fairlead agent: the pods of this host',
    after: ['network-online.target', 'docker.service', 'fairlead-server.service'],
    start: [
      `${programPath} agent`,
      `--node-name ${nodeName}`,
      ...(nodeIp === undefined ? [] : [`--node-ip ${nodeIp}`]),
      `--kubeconfig ${agentPkiDir}/kubeconfig`,
      `--server-cert ${agentPkiDir}/server.crt`,
      `--server-key ${agentPkiDir}/server.key`,
      `--client-ca ${agentPkiDir}/ca.crt`,
      `--data-dir ${agentDir}`,
      `--cni-conf-dir ${cniConfDir}`,
      `--cni-bin-dir ${cniBinDir}`,
      ...clusterFlags(settings),
      `--network-policy ${networkPolicy}`,
      `--resolv-conf ${resolvConf}`,
    ],
    service: [`ExecStartPre=-/sbin/modprobe --all ${wanted.join(' ')}`, 'OOMScoreAdjust=-900', 'KillMode=mixed'],
  })
}

/**
 * The value of a flag in the command line of one of these units, as `systemctl show --property=ExecStart` has it: drop-ins and edits
 * by hand are in it. Throws when it is not there.
 */
export function flagOf(commandLine: string, flag: string): string {
  const value = new RegExp(`--${flag}[ =](\\S+)`).exec(commandLine)?.[1]
  if (value === undefined) throw new Error(`the unit has no flag --${flag}: was it changed by hand?`)
  return value
}

function clusterFlags(settings: ServerSettings | NodeSettings): string[] {
  const { clusterCidr, serviceCidr, clusterDns, clusterDomain, network, proxyMode } = settings
  return [
    `--cluster-cidr ${clusterCidr}`,
    `--service-cidr ${serviceCidr}`,
    `--cluster-dns ${clusterDns}`,
    `--cluster-domain ${clusterDomain}`,
    `--network ${network}`,
    `--proxy-mode ${proxyMode}`,
  ]
}

/** From the end of a program until systemd starts it again. */
export const restartDelayMs = 2_000

interface UnitParts {
  description: string
  after: readonly string[]
  start: readonly string[]
  service: readonly string[]
}

function formatUnit({ description, after, start, service }: UnitParts): string {
  return `[Unit]
Description=${description}
Wants=network-online.target
After=${after.join(' ')}
# Restarted as often as it takes: an API server that is down for an hour must find its agents trying.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${start.map(toLiteral).join(' \\\n  ')}
Restart=always
RestartSec=${restartDelayMs / 1000}
LimitNOFILE=1048576
TasksMax=infinity
${service.join('\n')}

[Install]
WantedBy=multi-user.target
`
}

/** systemd replaces % and $ in a command line (systemd.unit(5), "Specifiers"; systemd.service(5), "Command lines"). */
const toLiteral = (text: string) => text.replaceAll('%', '%%').replaceAll('$', '$$$$')
