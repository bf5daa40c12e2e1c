// The `scripts/lab` command: reads its words and calls the part that does it.

import { Command, InvalidArgumentError } from 'commander'
import { execa } from 'execa'
import { step } from '../host/progress.ts'
import { adminKubeconfig } from './control-plane.ts'
import { demo } from './demo.ts'
import { down } from './down.ts'
import { ensureKubectl } from './kubectl.ts'
import type { LabLayout, NodeLayout } from './layout.ts'
import { ensureNode, loadArchive, stopNode } from './node.ts'
import { cliProgram, node as nodeProgram } from './paths.ts'
import { currentLab, readChoices } from './state.ts'
import { printStatus } from './status.ts'
import { cutLink, healLink } from './switch.ts'
import { up, waitForNodes } from './up.ts'

/** Which lab: a test's own lab stays out of a person's way. */
const name = process.env.FAIRLEAD_LAB ?? 'lab'

/** Those of the agent that a namespace of this machine can run; IPVS wants kernel modules, see `scripts/test vm`. */
const proxyModes = ['iptables', 'nftables', 'userspace']

/** What shows a mode's rules for Services. */
const rulesCommands: Record<string, string> = {
  iptables: 'iptables -t nat -L KUBE-SERVICES -n',
  nftables: 'nft list table ip kube-proxy',
  userspace: 'iptables -t nat -L KUBE-SERVICES -n',
}

/** With vxlan the lab has two subnets, so that both a tunnel and a direct route are seen. */
const networks = ['host-gw', 'vxlan']

const program = new Command('lab')
  .enablePositionalOptions()
  .description('A cluster of several nodes in network namespaces of this machine.')
  .addHelpText(
    'after',
    '\nExamples:\n  scripts/lab up --nodes 5\n  scripts/lab kubectl get pods -o wide\n  scripts/lab exec node-1 -- ip route\n  scripts/lab cut node-1 node-2\n  scripts/lab down\n\nThe environment variable FAIRLEAD_LAB names the lab (default "lab"), so that several can run side by side.',
  )

program
  .command('up')
  .description('bring the lab up, and show that it works')
  .option('--nodes <n>', 'number of nodes', toCount, 3)
  .option('--proxy-mode <mode>', `how Services are served: ${proxyModes.join(', ')}`, toProxyMode, 'iptables')
  .option('--network <kind>', `how pods reach other nodes: ${networks.join(' or ')}`, toNetwork, 'host-gw')
  .option('--no-demo', 'do not run the demo at the end')
  .action(
    async ({
      nodes,
      proxyMode,
      network,
      demo: withDemo,
    }: {
      nodes: number
      proxyMode: string
      network: string
      demo: boolean
    }) => {
      const lab = await up(name, { nodes, proxyMode, network })
      if (withDemo) await demo(lab)
      const hints = ['kubectl get pods -A -o wide', `exec node-1 -- ${rulesCommands[proxyMode]}`, 'down']
      console.log(`\nThe lab is up. Try:\n${hints.map((hint) => `  scripts/lab ${hint}\n`).join('')}`)
    },
  )
program
  .command('down')
  .description('remove the lab: no process, namespace, link, mount or file stays')
  .action(() => step('lab down', () => down(name)))
program
  .command('status')
  .description('what runs, node by node')
  .action(() => printStatus(currentLab(name)))
program
  .command('kubeconfig')
  .description("print the path of the administrator's kubeconfig")
  .action(() => console.log(adminKubeconfig(currentLab(name))))
program
  .command('load <file>')
  .description('load a `docker save` archive into every node')
  .action(async (file: string) => {
    for (const node of currentLab(name).nodes) process.stdout.write(`${node.name}: ${await loadArchive(node, file)}\n`)
  })
program
  .command('stop <node>')
  .description('the node dies: every process at once, and its kernel state; its disk stays')
  .action((nodeName: string) => stopNode(findNode(currentLab(name), nodeName)))
program
  .command('start <node>')
  .description('start a stopped node')
  .action(async (nodeName: string) => {
    const [lab, choices] = [currentLab(name), readChoices(name)]
    if (choices === undefined) return
    await step(`start ${nodeName}`, () => ensureNode(lab, findNode(lab, nodeName), choices))
    await step('every node is Ready', () => waitForNodes(lab))
  })
program
  .command('cut <a> <b>')
  .description('let no packet pass between two nodes')
  .action((a: string, b: string) => {
    const lab = currentLab(name)
    return cutLink(lab, findNode(lab, a), findNode(lab, b))
  })
program
  .command('heal <a> <b>')
  .description('undo cut')
  .action((a: string, b: string) => {
    const lab = currentLab(name)
    return healLink(lab, findNode(lab, a), findNode(lab, b))
  })
program
  .command('exec <node> <command...>')
  .description("run a command in the node's network namespace")
  .passThroughOptions()
  .action((nodeName: string, command: string[]) =>
    runInherited('nsenter', [`--net=${findNode(currentLab(name), nodeName).netnsPath}`, ...command]),
  )
program
  .command('kubectl [args...]')
  .description('the pinned kubectl 1.35, as administrator')
  .helpOption(false)
  .passThroughOptions()
  .allowUnknownOption()
  .action(async (args: string[]) =>
    runInherited(await ensureKubectl(), args, { KUBECONFIG: adminKubeconfig(currentLab(name)) }),
  )
program
  .command('fairlead [args...]')
  .description('the fairlead command, as administrator')
  .helpOption(false)
  .passThroughOptions()
  .allowUnknownOption()
  .action((args: string[]) =>
    runInherited(nodeProgram, [cliProgram, ...args], { KUBECONFIG: adminKubeconfig(currentLab(name)) }),
  )

try {
  await program.parseAsync()
} catch (error) {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function runInherited(file: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { exitCode } = await execa(file, args, { stdio: 'inherit', reject: false, env })
  process.exitCode = exitCode ?? 1
}

function findNode(lab: LabLayout, nodeName: string): NodeLayout {
  const all = [lab.controlPlane, ...lab.nodes]
  const found = all.find((node) => node.name === nodeName)
  if (found === undefined)
    throw new Error(`no node "${nodeName}" in this lab; there are ${all.map((node) => node.name).join(', ')}`)
  return found
}

function toCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 100)
    throw new InvalidArgumentError('must be a whole number from 1 to 100')
  return count
}

function toProxyMode(text: string): string {
  if (!proxyModes.includes(text)) throw new InvalidArgumentError(`must be one of ${proxyModes.join(', ')}`)
  return text
}

function toNetwork(text: string): string {
  if (!networks.includes(text)) throw new InvalidArgumentError(`must be one of ${networks.join(', ')}`)
  return text
}
