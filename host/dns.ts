// The cluster's DNS: its manifest, with the addresses of this cluster in it, applied by the same command that a person would use.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getAsset, isSea } from 'node:sea'
import { run } from '../cni/linux/exec.ts'
import { adminKubeconfigPath, programPath } from './paths.ts'
import type { ServerSettings } from './settings.ts'

/** Applies the add-on. Its pods start when there is a node. */
export async function applyDns(settings: Pick<ServerSettings, 'clusterDns' | 'clusterDomain'>): Promise<void> {
  const input = toManifest(readManifest(), settings)
  await run(programPath, ['--kubeconfig', adminKubeconfigPath, 'apply', '-f', '-'], { input })
}

/** The add-on's manifest has the addresses and the domain that clusters have by default. Pure. */
export function toManifest(
  text: string,
  { clusterDns, clusterDomain }: Pick<ServerSettings, 'clusterDns' | 'clusterDomain'>,
): string {
  return text.replace(/(?<=clusterIP: ).*/, clusterDns).replace(/(?<=--zone, )[^\]]*/, clusterDomain)
}

function readManifest(): string {
  if (isSea()) return getAsset('dns.yaml', 'utf8')
  return readFileSync(join(import.meta.dirname, '../addons/dns/dns.yaml'), 'utf8')
}
