// The cluster's DNS: its manifest as this cluster has it, applied by the same command that a person would use.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getAsset, isSea } from 'node:sea'
import { type Document, parseAllDocuments } from 'yaml'
import { isNotFound } from '../api/objects/status-error.ts'
import { deployments } from '../api/resources/deployments.ts'
import { run } from '../cni/linux/exec.ts'
import { mountedProgram } from '../images/dns/image.ts'
import { adminKubeconfigPath, programPath } from './paths.ts'
import { withAdmin } from './server.ts'
import type { ServerSettings } from './settings.ts'

type DnsSettings = Pick<ServerSettings, 'clusterDns' | 'clusterDomain'>

/** Applies the add-on; its servers go over to the file that is at its place now. They start when there is a node. */
export async function applyDns(settings: DnsSettings): Promise<void> {
  const version = (await run(programPath, ['version'])).trim()
  const input = toManifest(readManifest(), { ...settings, version })
  await run(programPath, ['--kubeconfig', adminKubeconfigPath, 'apply', '-f', '-'], { input })
}

/** As applyDns, where the add-on is there; `init --no-dns` has none. */
export async function renewDns(settings: DnsSettings): Promise<void> {
  const wanted = await withAdmin((client) => client.get(deployments, { namespace: 'kube-system', name: 'dns' }))
    .then(() => true)
    .catch((error: unknown) => {
      if (isNotFound(error)) return false
      throw error
    })
  if (wanted) await applyDns(settings)
}

const template = ['spec', 'template']
const container = [...template, 'spec', 'containers', 0]

/**
 * The add-on's manifest with this cluster's address and domain, and with the host's own file as its program. `version` is written upon
 * the pods, so that those of another file are replaced. Pure.
 */
export function toManifest(text: string, settings: DnsSettings & { version: string }): string {
  const documents = [...parseAllDocuments(text)]
  for (const document of documents) {
    if (document.get('kind') === 'Service') document.setIn(['spec', 'clusterIP'], settings.clusterDns)
    if (document.get('kind') === 'Deployment') setServers(document, settings)
  }
  return documents.join('')
}

function setServers(deployment: Document, { clusterDomain, version }: Parameters<typeof toManifest>[1]): void {
  const name = 'fairlead'
  deployment.setIn([...template, 'metadata', 'annotations'], { 'fairlead.io/version': version })
  deployment.setIn([...container, 'args'], ['--zone', clusterDomain])
  deployment.setIn([...container, 'volumeMounts'], [{ name, mountPath: mountedProgram, readOnly: true }])
  deployment.setIn([...template, 'spec', 'volumes'], [{ name, hostPath: { path: programPath, type: 'File' } }])
}

function readManifest(): string {
  if (isSea()) return getAsset('dns.yaml', 'utf8')
  return readFileSync(join(import.meta.dirname, '../addons/dns/dns.yaml'), 'utf8')
}
