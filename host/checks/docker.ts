// Docker: there, running, recent enough, with the host's network.

import { type Check, type CheckResult, failed, ok, warning } from './check.ts'
import type { HostFacts } from './facts.ts'

/** The first with API 1.41, which the agent speaks. */
const oldest = [20, 10] as const

/** Whether Docker can run pods here. */
export const checkDocker: Check = (facts, { isNode }) => {
  if (!isNode) return []
  const { docker } = facts
  if (!docker.isInstalled && docker.problem !== undefined)
    return [failed('docker', 'not on this host', `${installLine(facts)}; then systemctl enable --now docker`)]
  if (docker.problem !== undefined)
    return [
      failed('docker', docker.problem, 'systemctl enable --now docker; journalctl -u docker says why it does not run'),
    ]
  return [checkVersion(facts), ...checkSettings(facts)]
}

function installLine({ packages }: HostFacts): string {
  if (packages === 'apt-get') return 'apt-get install docker.io'
  return packages === 'unknown' ? 'install Docker' : `${packages} install docker`
}

function checkVersion({ docker: { version = '', cgroupDriver = '', storageDriver = '' } }: HostFacts): CheckResult {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1])
  return isOld
    ? failed('docker', `version ${version}`, `install ${oldest.join('.')} or later`)
    : ok('docker', `${version}, cgroup driver ${cgroupDriver}, storage ${storageDriver}`)
}

function checkSettings({ docker, cgroups }: HostFacts): CheckResult[] {
  const results: CheckResult[] = []
  if (docker.isRootless === true)
    results.push(failed('docker: rootless', 'it runs without root', "stop it and start the system's docker.service"))
  if (docker.cgroupDriver === 'none' || (docker.cgroupDriver === 'cgroupfs' && cgroups.version === 2))
    results.push(
      docker.cgroupDriver === 'none'
        ? failed('docker: cgroups', 'no cgroup driver', 'run docker.service as root')
        : warning(
            'docker: cgroups',
            'the driver cgroupfs beside systemd on cgroup v2: two owners of one tree',
            'in /etc/docker/daemon.json: "exec-opts": ["native.cgroupdriver=systemd"], then systemctl restart docker',
          ),
    )
  if (docker.storageDriver === 'vfs')
    results.push(warning('docker: storage', 'vfs copies every image for every container', 'use overlay2'))
  if (docker.liveRestore === false)
    results.push(
      warning(
        'docker: restarts',
        'live-restore is off: when Docker restarts, all containers do, those of pods too',
        'in /etc/docker/daemon.json: "live-restore": true, then systemctl reload docker',
      ),
    )
  return results
}
