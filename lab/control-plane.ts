// The lab's control plane: one process on a node of its own.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../cni/linux/exec.ts'
import { waitFor } from '../host/progress.ts'
import { ensureDaemon } from './daemon.ts'
import { clusterCidr, type LabLayout, type NodeLayout, serviceCidr } from './layout.ts'
import { controlPlaneProgram, node } from './paths.ts'

/** Credentials of the lab's administrator. */
export function adminKubeconfig(lab: LabLayout): string {
  return join(lab.controlPlane.dataDir, 'admin.kubeconfig')
}

/** Starts the control plane and returns when its API server is ready. */
export async function ensureControlPlane(lab: LabLayout): Promise<void> {
  const { controlPlane } = lab
  const args = [
    'serve',
    '--data-dir',
    controlPlane.dataDir,
    '--bind-address',
    '0.0.0.0',
    '--advertise-address',
    controlPlane.address,
    '--cluster-cidr',
    clusterCidr,
    '--service-cidr',
    serviceCidr,
    '--load-balancer-pool',
    lab.balancerPool,
    '--node-monitor-grace-period',
    '12s',
    '--pod-eviction-wait',
    '10s',
  ]
  ensureDaemon(controlPlane, {
    name: 'control-plane',
    program: node,
    args: ['--max-semi-space-size=4', controlPlaneProgram, ...args],
  })
  await waitFor(`the API server's readiness (see ${controlPlane.dataDir}/control-plane.log)`, 30_000, async () => {
    if (!existsSync(adminKubeconfig(lab))) return undefined
    const answer = await run('curl', ['-sk', '--max-time', '2', `https://${controlPlane.address}:6443/readyz`])
    return answer === 'ok' ? true : undefined
  })
}

/** Writes the agent's credentials, unless they are there. */
export async function ensureCredentials(lab: LabLayout, agent: NodeLayout): Promise<string> {
  const directory = join(agent.dataDir, 'pki')
  if (!existsSync(join(directory, 'server.key'))) {
    await run(node, [
      controlPlaneProgram,
      'issue-node',
      '--data-dir',
      lab.controlPlane.dataDir,
      '--name',
      agent.name,
      '--address',
      agent.address,
      agent.address6,
      '--server',
      `https://${lab.controlPlane.address}:6443`,
      '--out',
      directory,
    ])
  }
  return directory
}
