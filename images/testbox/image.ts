// The test image, upon Node's layers: network tools with their libraries, and the server, which changes most often.
// The tools are this machine's own Debian packages, as scripts/setup installs them; nothing is fetched.

import { join } from 'node:path'
import { build } from 'esbuild'
import { execa } from 'execa'
import type { ImageConfig } from '../archive.ts'
import type { LayerContent } from '../layer.ts'
import { addLibraries, findLibraries } from '../node-base.ts'

/** By name; looked for on the path that root has. */
const toolNames = ['curl', 'dash', 'dig', 'host', 'iperf3', 'ip', 'ss', 'nslookup', 'ping', 'socat', 'tcpdump']
/** Applets that crash in a static busybox, as glibc's name services cannot be linked in: real tools stand in for them. */
const brokenApplets = new Set(['wget', 'nslookup', 'ping6'])

export const tags = ['fairlead/testbox:1', 'fairlead/testbox:latest']
export const config: ImageConfig = {
  Cmd: ['testbox', 'serve'],
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  WorkingDir: '/',
  ExposedPorts: { '8080/tcp': {}, '8081/tcp': {}, '8082/udp': {} },
  Labels: { 'io.fairlead.image': 'testbox' },
}

const searchPath = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Where this machine has the tools; throws with the packages to install when one is missing. */
export async function findTools(): Promise<Map<string, string>> {
  const found = await execa('which', [...toolNames, 'busybox'], { env: { PATH: searchPath }, reject: false })
  const paths = new Map(found.stdout.split('\n').map((path) => [path.slice(path.lastIndexOf('/') + 1), path]))
  const missing = [...toolNames, 'busybox'].filter((name) => !paths.has(name))
  if (missing.length > 0)
    throw new Error(`fairlead/testbox needs ${missing.join(', ')}: run scripts/setup, which installs their packages`)
  return paths
}

/** Tools, busybox applets under the names that no tool has, and the libraries of all of it that Node has not brought. */
export async function makeToolsContent(tools: Map<string, string>, node: string): Promise<LayerContent> {
  const content: LayerContent = new Map()
  for (const [path, text] of Object.entries(etcFiles)) content.set(path, { content: text })

  const applets = await execa(tools.get('busybox') ?? 'busybox', ['--list'])
  for (const applet of applets.stdout.split('\n'))
    if (!brokenApplets.has(applet)) content.set(`usr/bin/${applet}`, { link: 'busybox' })
  for (const [name, file] of tools) content.set(`usr/bin/${name}`, { file, mode: 0o755 })
  // Busybox's own shell would run its applets, broken ones too, in place of the programs on the path.
  content.set('usr/bin/sh', { link: 'dash' })
  const ofNode = await findLibraries([node])
  const ofTools = await findLibraries([...tools.values()])
  addLibraries(content, ofTools.difference(ofNode))
  return content
}

/** The server as one file, and the command that starts it. */
export async function makeServerContent(): Promise<LayerContent> {
  const entryPoints = [join(import.meta.dirname, 'server/main.ts')]
  const options = { bundle: true, write: false, platform: 'node', target: 'node26', format: 'esm' } as const
  const { outputFiles } = await build({ entryPoints, ...options })
  return new Map([
    ['usr/lib/testbox/main.mjs', { content: outputFiles[0]?.text ?? '' }],
    ['usr/bin/testbox', { content: '#!/bin/sh\nexec node /usr/lib/testbox/main.mjs "$@"\n', mode: 0o755 }],
  ])
}

/** tcpdump drops to a user of its own name; glibc needs to be told where names are found. */
const etcFiles = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'tcpdump:x:102:102::/tmp:/bin/false',
    'nobody:x:65534:65534:nobody:/tmp:/bin/sh',
    '',
  ].join('\n'),
  'etc/group': 'root:x:0:\ntcpdump:x:102:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
  'etc/services': 'domain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nhttps 443/tcp\n',
}
