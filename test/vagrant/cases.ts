// What must hold of a cluster that `vagrant up` made. The cases of one mode run in their order, on the same machines.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { Node, Pod, Service } from '../../api/generated/types.ts'
import { step, waitFor } from '../../host/progress.ts'
import type { Vagrant } from './vagrant.ts'

/** Machines that the Vagrantfile makes with NODES=2. */
const machines = ['control', 'node-1', 'node-2']

export interface Case {
  /** A sentence that can be false. */
  name: string
  run(vagrant: Vagrant): Promise<void>
}

/** Under emulation, on a machine that does other things. Milliseconds. */
const patienceMs = 600_000

const up: Case = {
  name: 'vagrant up makes three machines, and its demo is answered',
  run: async (vagrant) => {
    // Machines that are taken over were provisioned. `up --provision` would do it twice on libvirt.
    const isTakenOver = existsSync(vagrant.kubeconfig)
    const words = (await vagrant.run('up')) + (isTakenOver ? await vagrant.run('provision') : '')
    const answers = words.match(/demo: \S+ asked \S+ and was answered by \S+ on \S+/g) ?? []
    assert.equal(answers.length, machines.length, words.slice(-2_000))
    for (const answer of answers) console.log(`         ${answer}`)
  },
}

const ready: Case = {
  name: 'every node is Ready, seen with kubectl and the kubeconfig on this host',
  run: async (vagrant) => {
    const { items } = await vagrant.get<{ items: Node[] }>('nodes')
    assert.deepEqual(items.filter(isReady).map(nameOf).sort(), machines)
  },
}

const spread: Case = {
  name: 'the Deployment has a pod on every node',
  run: async (vagrant) => {
    const pods = await demoPods(vagrant)
    assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), machines)
  },
}

const answered: Case = {
  name: 'a pod on each node curls the ClusterIP, and every pod answers somebody',
  run: async (vagrant) => {
    const address = await clusterIp(vagrant)
    const pods = (await demoPods(vagrant)).map(nameOf).sort()
    for (const pod of pods) {
      const answering = new Set<string>()
      // Random choices: that one of three is never chosen in 30 has a chance of one in 60 000.
      const curls = `for i in $(seq 30); do curl -s --max-time 10 http://${address}/; done`
      const answers = await vagrant.kubectl('exec', pod, '--', 'sh', '-c', curls)
      for (const line of answers.trim().split('\n')) answering.add(line.split(' ')[0] ?? '')
      assert.deepEqual([...answering].sort(), pods, `what ${pod} was answered`)
    }
  },
}

const inIptables: Case = {
  name: "the ClusterIP is in every node's iptables chains",
  run: async (vagrant) => {
    const address = await clusterIp(vagrant)
    for (const machine of machines) {
      const rules = await vagrant.ssh(machine, 'sudo iptables-save --table nat')
      assert.match(rules, new RegExp(`-A KUBE-SERVICES -d ${address}/32.* -j KUBE-SVC-`), machine)
    }
  },
}

const inIpvs: Case = {
  name: 'ipvsadm -Ln on every node shows the ClusterIP with a real server per pod',
  run: async (vagrant) => {
    const address = await clusterIp(vagrant)
    const wanted = (await demoPods(vagrant)).map(({ status }) => `${status?.podIP}:8080`).sort()
    for (const machine of machines) {
      const table = await vagrant.ssh(machine, 'sudo ipvsadm -Ln')
      const [, servers = ''] = table.split(`TCP  ${address}:80 `)
      const found = [...(servers.split(/\n(?:TCP|UDP)/)[0] ?? '').matchAll(/-> (\S+)/g)].map(([, server]) => server)
      assert.deepEqual(found.sort(), wanted, `${machine}:\n${table}`)
      console.log(`         ${machine}\n${table.trim().replaceAll(/^/gm, '           ')}`)
    }
  },
}

const halted: Case = {
  name: "a halted node's pod runs elsewhere when its tolerated time is over",
  run: async (vagrant) => {
    await step('vagrant halt node-2', () => vagrant.run('halt', 'node-2'))
    const pods = await step('three pods ready without node-2', () =>
      waitFor('the pod elsewhere', patienceMs, async () => {
        const others = (await demoPods(vagrant)).filter(({ spec }) => spec.nodeName !== 'node-2')
        return others.filter(isReady).length === machines.length ? others : undefined
      }),
    )
    const { items } = await vagrant.get<{ items: Node[] }>('nodes')
    const taint = items
      .find((node) => nameOf(node) === 'node-2')
      ?.spec?.taints?.find(({ effect }) => effect === 'NoExecute')
    assert.equal(taint?.key, 'node.kubernetes.io/unreachable')
    const newestMs = Math.max(...pods.map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '')))
    const waitedS = (newestMs - Date.parse(taint.timeAdded ?? '')) / 1000
    console.log(`         the new pod was made ${waitedS} s after node-2 was found unreachable; 30 s are tolerated`)
    // Times of the API have whole seconds.
    assert.ok(waitedS >= 29, `${waitedS} s`)
  },
}

const backAgain: Case = {
  name: 'vagrant up brings a halted machine back, and its node is Ready',
  run: async (vagrant) => {
    await step('vagrant up node-2', () => vagrant.run('up', 'node-2'))
    await waitFor('node-2 Ready', patienceMs, async () => {
      const { items } = await vagrant.get<{ items: Node[] }>('nodes')
      return items.filter(isReady).length === machines.length ? true : undefined
    })
  },
}

const provisioned: Case = {
  name: 'vagrant provision finds nothing to change, and no pod restarts',
  run: async (vagrant) => {
    const before = (await demoPods(vagrant)).map(({ metadata }) => metadata.uid).sort()
    await step('vagrant provision', () => vagrant.run('provision'))
    const after = await demoPods(vagrant)
    assert.deepEqual(after.map(({ metadata }) => metadata.uid).sort(), before)
  },
}

/** Ends every mode, also after a failure, unless its machines are to stay. */
export const destroyed: Case = {
  name: 'vagrant destroy leaves no machine, disk, network or kubeconfig',
  run: async (vagrant) => {
    await step('vagrant destroy', () => vagrant.run('destroy', '--force'))
    assert.deepEqual(await vagrant.leftovers(), [])
    assert.equal(existsSync(vagrant.kubeconfig), false)
  },
}

/** By proxy mode, without the destroying. */
export const cases: Readonly<Record<string, readonly Case[]>> = {
  iptables: [up, ready, spread, answered, inIptables, halted, backAgain, provisioned],
  ipvs: [up, ready, spread, answered, inIpvs],
}

/** As the API server answers: with what Pod leaves open. */
type StoredPod = Pod & Required<Pick<Pod, 'metadata' | 'spec'>>

const nameOf = ({ metadata }: { metadata?: { name?: string } }) => metadata?.name ?? ''

interface WithConditions {
  status?: { conditions?: { type: string; status: string }[] }
}

const isReady = ({ status }: WithConditions) =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true

async function demoPods(vagrant: Vagrant): Promise<StoredPod[]> {
  const { items } = await vagrant.get<{ items: StoredPod[] }>('pods', '--selector', 'app=demo')
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

async function clusterIp(vagrant: Vagrant): Promise<string> {
  const { spec } = await vagrant.get<Service>('service', 'demo')
  return spec?.clusterIP ?? ''
}
