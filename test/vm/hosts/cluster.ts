// init and join on two hosts, what they refuse, and what pods of the two say to each other.

import type { PodList } from '../../../api/generated/types.ts'
import { waitFor } from '../../../host/progress.ts'
import type { Guest } from '../guest.ts'
import { type Hosts, program, serverName } from './prepare.ts'

/** Makes the administrator's kubeconfig that of a command. */
export const asAdmin = 'export KUBECONFIG=/etc/fairlead/admin.kubeconfig;'

/** Throws with what a command said unless it ended with 1 and these words, and left nothing on the host. */
async function expectRefusal(guest: Guest, command: string, words: RegExp): Promise<void> {
  const { exitCode, output } = await guest.follow(command, () => undefined)
  if (exitCode !== 1 || !words.test(output)) throw new Error(`${command}: ended with ${exitCode}\n${output}`)
  const written = await guest.run('ls -d /etc/fairlead /var/lib/fairlead /usr/local/bin/fairlead 2>/dev/null || true')
  if (written !== '') throw new Error(`${command}: there is ${written}`)
}

/** Runs a command to its end. Throws with all that it said unless that has these words. */
export async function expectSuccess(guest: Guest, command: string, words: RegExp): Promise<string> {
  const { exitCode, output } = await guest.follow(command, () => undefined)
  if (exitCode !== 0 || !words.test(output)) throw new Error(`${command}: ended with ${exitCode}\n${output}`)
  return output
}

export async function refuseWithoutDocker({ control }: Hosts): Promise<void> {
  await control.run('systemctl stop docker.socket docker')
  await expectRefusal(control, `${program} init`, /systemctl enable --now docker/)
  await control.run('systemctl start docker')
}

/** What `check` says that the firewall lacks is all that it lacks: the cluster works behind it. */
export async function openFirewall({ control, worker }: Hosts): Promise<void> {
  for (const [guest, role] of [
    [control, 'both'],
    [worker, 'node'],
  ] as const) {
    const check = `${program} check --role ${role} -o json`
    const results = JSON.parse((await guest.follow(`${check} 2>/dev/null`, () => undefined)).output)
    const found = results.find(({ name }: { name: string }) => name === 'firewall: ufw')
    if (found?.state !== 'warning') throw new Error(JSON.stringify(results))
    await guest.run(found.mend)
    await expectSuccess(guest, check, /on, and lets everything needed through/)
  }
}

export async function init({ control }: Hosts): Promise<void> {
  const command = `${program} init --server-name ${serverName}`
  await expectSuccess(control, command, /fairlead join cluster\.test:6443 --token \S+ --ca-cert-hash sha256:/)
  await expectSuccess(control, `${asAdmin} fairlead get nodes`, /^vm\s+Ready/m)
}

export async function refuseSecondInit({ control }: Hosts): Promise<void> {
  const { exitCode, output } = await control.follow('fairlead init', () => undefined)
  if (exitCode !== 1 || !output.includes('set up already')) throw new Error(output)
  await control.run('systemctl is-active fairlead-server fairlead-agent')
}

async function joinCommand({ control }: Hosts, options = ''): Promise<string> {
  const line = await control.run(`fairlead token create --print-join-command ${options}`)
  return line.trim().replace(/^(sudo )?fairlead/, program)
}

/** Returns when a command of the administrator's says this. */
export async function awaitWords(guest: Guest, command: string, words: RegExp): Promise<void> {
  await waitFor(`${words} from ${command}`, 400_000, async () => {
    await expectSuccess(guest, `${asAdmin} ${command}`, words)
    return true
  })
}

/** Of `get nodes`. */
export const bothReady = /(^\S+\s+Ready\b.*\n?){2}/m

export async function refuseWrongJoins(hosts: Hosts): Promise<void> {
  const { worker } = hosts
  const right = await joinCommand(hosts)
  const ended = await joinCommand(hosts, '--ttl 1s')
  await expectRefusal(worker, right.replace(/--token \S+/, '--token nonsense'), /six characters, a dot and sixteen/)
  await expectRefusal(
    worker,
    right.replace(/--token \S+/, '--token abcdef.0123456789abcdef'),
    /does not take this token/,
  )
  await expectRefusal(worker, right.replace(/sha256:\S{4}/, 'sha256:0000'), /has the hash sha256:\w+, not sha256:0000/)
  await expectRefusal(worker, right.replace(':6443', ':6444'), /does the control plane run there/)
  await expectRefusal(worker, ended, /does not take this token/)
}

export async function join(hosts: Hosts): Promise<void> {
  await expectSuccess(hosts.worker, await joinCommand(hosts), /This host is the node peer/)
  await expectSuccess(hosts.control, `${asAdmin} fairlead get nodes`, /^peer\s+Ready/m)
}

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { app: web } } }
      containers:
        - name: web
          image: users:1
          imagePullPolicy: IfNotPresent
          command: [/bin/busybox, sh, -c, 'mkdir -p /www; hostname >/www/name; exec busybox httpd -f -p 80 -h /www']
          readinessProbe: { httpGet: { path: /name, port: 80 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`

export async function runPods(hosts: Hosts): Promise<void> {
  await hosts.control.run(`${asAdmin} fairlead apply -f - <<'YAML'${web}YAML`)
  await expectPodsAnswer(hosts)
  const nodes = (await readPods(hosts.control)).map(({ node }) => node)
  if (nodes.toSorted().join() !== 'peer,vm') throw new Error(`the pods are on ${nodes}`)
}

async function readPods(control: Guest): Promise<{ name: string; ip: string; node: string }[]> {
  const list: PodList = JSON.parse(await control.run(`${asAdmin} fairlead get pods -l app=web -o json`))
  return list.items.map(({ metadata, spec, status }) => ({
    name: metadata?.name ?? '',
    ip: status?.podIP ?? '',
    node: spec?.nodeName ?? '',
  }))
}

/** Returns when pods on both hosts reach each other: after a restart, what the cluster says of them is a moment behind. */
export async function expectPodsAnswer(hosts: Hosts): Promise<void> {
  await waitFor('pods that reach each other', 600_000, async () => {
    await askAll(hosts)
    return true
  })
}

/** From a pod on each host, by the Service's name and by the address of each pod. */
async function askAll({ control }: Hosts): Promise<void> {
  const wait = `fairlead rollout status deployment/web --timeout 600s && fairlead rollout status deployment/dns -n kube-system --timeout 600s`
  await expectSuccess(control, `${asAdmin} ${wait}`, /successfully rolled out/)
  const pods = await readPods(control)
  for (const pod of pods)
    for (const [target, answer] of [['web', 'web-'] as const, ...pods.map(({ name, ip }) => [ip, name] as const)]) {
      const ask = `fairlead exec ${pod.name} -- /usr/bin/curl --silent --fail --max-time 20 http://${target}/name`
      await expectSuccess(control, `${asAdmin} ${ask}`, new RegExp(`^${answer}`, 'm'))
    }
}
