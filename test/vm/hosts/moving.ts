// Hosts that come up at another address while they are nodes, and go back to the first.

import { asAdmin, awaitWords, bothReady, expectPodsAnswer, expectSuccess } from './cluster.ts'
import { expectWebRunsOn } from './life.ts'
import { addresses, type Hosts, moveTo, nameServer, nextAddresses } from './prepare.ts'

export async function moveWorker(hosts: Hosts): Promise<void> {
  for (const { worker } of [nextAddresses, addresses]) await move(hosts, 'worker', 'peer', worker)
}

/** Its worker knows it by a name. */
export async function moveControlPlane(hosts: Hosts): Promise<void> {
  for (const { control } of [nextAddresses, addresses]) {
    for (const guest of [hosts.control, hosts.worker]) await guest.run(nameServer(control))
    await move(hosts, 'control', 'vm', control)
  }
}

async function move(hosts: Hosts, which: keyof Hosts, node: string, address: string): Promise<void> {
  await expectWebRunsOn(hosts[which], async () => {
    await hosts[which].run(moveTo(address))
    await awaitNode(hosts, node, address)
    await expectPodsAnswer(hosts)
  })
  await expectSuccess(hosts.control, `${asAdmin} fairlead net verify`, /./)
}

/** Returns when both nodes are ready, this one at this address. */
async function awaitNode({ control }: Hosts, node: string, address: string): Promise<void> {
  const isThere = new RegExp(`^${node}\\s+Ready\\s.*\\s${RegExp.escape(address)}\\s`, 'm')
  await awaitWords(control, 'fairlead get nodes -o wide', isThere)
  await awaitWords(control, 'fairlead get nodes', bothReady)
}
