// fairlead join: this host becomes a node of a cluster. Before anything is written here, the cluster has proven who it is and has
// taken the token; until the node's certificates are there, only memory has changed.

import { type Command, Option } from 'commander'
import type { HostFacts } from '../checks/facts.ts'
import { gatherFacts } from '../checks/gather.ts'
import { Refusal } from '../failure.ts'
import { type ClusterEntry, enterCluster, openAsNode, type Pass, requestServing, writeCredentials } from '../joining.ts'
import { startNode } from '../node.ts'
import { ignoreOption, type NodeOptions, nodeOptions } from '../options.ts'
import { changeHost, provideImages, validateHost } from '../prepare.ts'
import { step, tell } from '../progress.ts'
import { addressesOf, type NodeSettings, toWish } from '../settings.ts'

interface JoinOptions extends NodeOptions {
  token: string
  caCertHash: string
  ignoreCheck: string[]
}

/** Adds the command. */
export function addJoin(program: Command): void {
  const command = program
    .command('join <host:port>')
    .description('make this host a node of a cluster')
    .addOption(
      new Option('--token <token>', 'what fairlead token create printed; the variable keeps it out of process lists')
        .env('FAIRLEAD_TOKEN')
        .makeOptionMandatory(),
    )
    .requiredOption('--ca-cert-hash <hash>', "sha256:... of the cluster's authority, by which it is known")
  for (const option of nodeOptions()) command.addOption(option)
  command.addOption(ignoreOption()).addHelpText('after', help).action(join)
}

const help = `
Network, proxy mode and ranges come from the cluster. A step that fails takes back what the steps before it did;
after --ignore-check leftovers it takes back nothing.

Examples:
  sudo fairlead join 10.0.0.10:6443 --token abcdef.0123456789abcdef --ca-cert-hash sha256:1234...
  sudo fairlead join 10.0.0.10:6443 --token T --ca-cert-hash H --node-name rack4-7 --node-ip 10.0.0.17
  export FAIRLEAD_TOKEN=T; sudo --preserve-env=FAIRLEAD_TOKEN fairlead join 10.0.0.10:6443 --ca-cert-hash H`

async function join(server: string, options: JoinOptions): Promise<void> {
  const { nodeName, token, caCertHash, ignoreCheck } = options
  const facts = await step('checks', gatherFacts)
  refuseMember(facts, ignoreCheck)
  const pass: Pass = { server, token, caCertHash, nodeName }
  const entry = await step(`the cluster at ${server}`, () => enterCluster(pass))
  const settings = toNodeSettings(options, entry)
  const addresses = addressesOf([options.nodeIp], facts.ownAddress)
  const roles = { isServer: false, isNode: true }
  validateHost(facts, toWish({ ...settings, addresses, port: 0 }, roles), ignoreCheck)
  await changeHost(facts, async (signal) => {
    await provideImages(signal)
    const client = await step('a certificate for this node', () => entry.requestClient(signal))
    const { client: api, close } = openAsNode(entry, client)
    try {
      const serving = await step('a certificate for its server', () =>
        requestServing(api, { nodeName, addresses }, signal),
      )
      await writeCredentials({ entry, nodeName, client, serving })
      await startNode(settings, api, signal)
    } finally {
      await close()
    }
  })
  tell(`\nThis host is the node ${nodeName} of the cluster at ${entry.serverUrl}.`)
}

/** Before anybody is asked for anything. */
function refuseMember({ units, isRoot }: HostFacts, ignored: readonly string[]): void {
  if (!isRoot && !ignored.includes('rights')) throw new Refusal('not root: run it again with sudo. Nothing was changed')
  if (units.length === 0) return
  const what = units.map(({ name, state }) => `${name} (${state})`).join(' and ')
  throw new Refusal(
    `this host is part of a cluster already: ${what}. Nothing was changed.\n  fairlead reset   takes it out of there first`,
  )
}

function toNodeSettings({ nodeName, nodeIp, networkPolicy }: JoinOptions, { settings }: ClusterEntry): NodeSettings {
  return { ...settings, nodeName, ...(nodeIp !== undefined && { nodeIp }), networkPolicy }
}
