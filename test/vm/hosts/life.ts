// What happens to hosts in their lives: Docker's restart, a new version, a version that does not work, a reboot, memory that runs
// out; and what is left of Fairlead after reset.

import type { Guest } from '../guest.ts'
import { asAdmin, awaitWords, bothReady, expectPodsAnswer, expectSuccess } from './cluster.ts'
import { type Hosts, program, snapshot } from './prepare.ts'

/** The user's container, and when it was started. */
const usersStart = "docker inspect users --format '{{.State.Status}} {{.State.StartedAt}}'"

/** Throws when the act has a container of the Deployment `web` started anew, or there is none. */
export async function expectWebRunsOn(guest: Guest, act: () => Promise<void>): Promise<void> {
  const list = 'docker ps --quiet --filter label=io.fairlead.attempt --filter name=_web-'
  const read = () => guest.run(`${list} | sort | xargs docker inspect --format '{{.Name}} {{.State.StartedAt}}'`)
  const before = await read()
  await act()
  const after = await read()
  if (before === '' || before !== after) throw new Error(`containers were\n${before}\nand are\n${after}`)
}

/** Notes what the host is like. */
export async function takeSnapshot(guest: Guest): Promise<void> {
  await guest.run(`rm -rf /tmp/snapshot; ${snapshot} /tmp/snapshot/before`)
}

export async function restartDocker(hosts: Hosts): Promise<void> {
  await hosts.worker.run('systemctl restart docker')
  await expectPodsAnswer(hosts)
  await expectSuccess(hosts.worker, usersStart, /^running/)
}

/** Another file, and the same program: what a new version has inside is its own tests' matter. */
export async function upgrade(hosts: Hosts): Promise<void> {
  for (const guest of [hosts.control, hosts.worker]) {
    await guest.run(`cp ${program} ${program}-new && echo >>${program}-new`)
    await expectWebRunsOn(guest, async () => {
      await expectSuccess(guest, `${program}-new upgrade`, /this host runs fairlead/)
    })
    await guest.run(`cmp ${program}-new /usr/local/bin/fairlead && [ ! -e /usr/local/bin/fairlead.previous ]`)
  }
  await expectPodsAnswer(hosts)
}

/** A file that says what it is, and serves nothing. */
const broken = `#!/bin/sh
case "$1" in version) echo fairlead broken ;; images) ;; upgrade) exec ${program}-new "$@" ;; *) echo cannot; exit 1 ;; esac
`

export async function upgradeToBroken({ worker }: Hosts): Promise<void> {
  await worker.run(`cat >${program}-broken <<'SH'\n${broken}SH\nchmod +x ${program}-broken`)
  const command = `FAIRLEAD_PROGRAM=${program}-broken ${program}-new upgrade`
  const { exitCode, output } = await worker.follow(command, () => undefined)
  if (exitCode !== 1 || !/^This host is back at fairlead \S+ \(.*\)$/m.test(output)) throw new Error(output)
  await worker.run(`cmp ${program}-new /usr/local/bin/fairlead && systemctl is-active fairlead-agent`)
}

export async function reboot(hosts: Hosts): Promise<void> {
  for (const guest of [hosts.worker, hosts.control]) await guest.reboot()
  await awaitWords(hosts.control, 'fairlead get nodes', bothReady)
  await expectPodsAnswer(hosts)
  await expectSuccess(hosts.control, `${asAdmin} fairlead net verify`, /./)
  for (const guest of [hosts.worker, hosts.control]) await expectSuccess(guest, usersStart, /^running/)
  // Emulated, it takes longer than pods tolerate, and they have moved to the host that was back first.
  await hosts.control.run(`${asAdmin} fairlead rollout restart deployment/web`)
  await expectPodsAnswer(hosts)
}

/** A pod on the worker that fills memory by a file, as its script says. */
const podThatFills = (name: string, script: string, resources = '{}') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  nodeName: peer
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
    - name: app
      image: users:1
      imagePullPolicy: IfNotPresent
      command: [/bin/busybox, sh, -c, '${script}']
      resources: ${resources}
      volumeMounts: [{ name: fill, mountPath: /fill }]
  volumes: [{ name: fill, emptyDir: { medium: Memory } }]
`

const limited = podThatFills(
  'limited',
  'busybox cat /sys/fs/cgroup/memory.max; busybox dd if=/dev/zero of=/fill/f bs=1M count=64',
  '{ limits: { memory: 32Mi, cpu: 500m } }',
)

/** cgroup v2, which the guest has, and the lab has not. */
export async function limitMemory({ control, worker }: Hosts): Promise<void> {
  await worker.run('test -e /sys/fs/cgroup/cgroup.controllers')
  await control.run(`${asAdmin} fairlead apply -f - <<'YAML'${limited}YAML`)
  const state = "-o jsonpath='{.status.containerStatuses[0].state.terminated.reason}'"
  await awaitWords(control, `fairlead get pod limited ${state}`, /^OOMKilled$/)
  await expectSuccess(control, `${asAdmin} fairlead logs limited`, /^33554432$/m)
  await control.run(`${asAdmin} fairlead delete pod limited`)
}

const greedy = podThatFills(
  'greedy',
  'while busybox dd if=/dev/zero bs=1M count=24 2>/dev/null >>/fill/f; do busybox sleep 1; done; busybox sleep 600',
)

/** Who asked for nothing and takes all goes; who asked for what it uses stays. */
export async function evict({ control, worker }: Hosts): Promise<void> {
  await expectWebRunsOn(worker, async () => {
    await control.run(`${asAdmin} fairlead apply -f - <<'YAML'${greedy}YAML`)
    await awaitWords(control, 'fairlead get pod greedy', /\bEvicted\b/)
  })
  const why = "fairlead get pod greedy -o jsonpath='{.status.message}'"
  await expectSuccess(control, `${asAdmin} ${why}`, /low on resource: memory/)
  await control.run(`${asAdmin} fairlead delete pod greedy`)
}

export async function reset({ control, worker }: Hosts): Promise<void> {
  await control.run(`${asAdmin} fairlead delete node peer`)
  for (const guest of [worker, control]) {
    const users = await guest.run(usersStart)
    await expectSuccess(guest, 'fairlead reset --yes', /nothing of Fairlead is left/)
    await guest.run(`${snapshot} /tmp/snapshot/after`)
    // Since the snapshot before, the host was rebooted.
    const difference = await guest.run(
      'diff --recursive --exclude starts /tmp/snapshot/before /tmp/snapshot/after || true',
    )
    if (difference !== '') throw new Error(difference)
    if ((await guest.run(usersStart)) !== users) throw new Error('the user’s container was started anew')
    await expectSuccess(guest, `${program} reset --yes`, /nothing of Fairlead/)
  }
}
