// One executable: Node, the entry, and the assets. https://nodejs.org/api/single-executable-applications.html

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { root } from '../programs.ts'
import { bundleEntry } from './bundle.ts'
import { type Architecture, ensureParts, type Parts } from './packages.ts'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** What `init` applies. */
const dnsManifest = join(root, 'addons/dns/dns.yaml')

/** Builds it at a path, unless what is there has the same parts; says whether it did. */
export async function buildExecutable(
  architecture: Architecture,
  programs: ReadonlyMap<string, string>,
  path: string,
): Promise<boolean> {
  const work = join(root, '.cache/executable', architecture)
  mkdirSync(work, { recursive: true })
  const parts = await ensureParts(architecture)
  const main = await bundleEntry({ fairleadBuild: JSON.stringify({ version, build: hashOf(programs) }) })
  const key = createHash('sha256').update(main).update(describe(parts)).update(readFileSync(dnsManifest)).digest('hex')
  const keyFile = join(work, 'key')
  if (readIfThere(keyFile) === key && statSync(path, { throwIfNoEntry: false }) !== undefined) return false
  const node = join(work, 'node')
  await execa('strip', ['-o', node, parts.node])
  const assets = await writeAssets(work, programs, parts)
  await inject(work, { node, main, assets, output: `${path}.tmp` })
  renameSync(`${path}.tmp`, path)
  writeFileSync(keyFile, key)
  return true
}

/** First digits of a hash of all programs, which tells one build from another. */
function hashOf(programs: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  for (const [name, text] of programs) hash.update(`${name} ${text.length}\n`).update(text)
  return hash.digest('hex').slice(0, 10)
}

function describe(parts: Parts): string {
  return Object.values(parts)
    .map((path: string) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
    .join('\n')
}

function readIfThere(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path, 'utf8')
}

/** Paths of the assets by their names. */
async function writeAssets(
  work: string,
  programs: ReadonlyMap<string, string>,
  parts: Parts,
): Promise<Record<string, string>> {
  const assets: Record<string, string> = {
    'lmdb.node': parts.lmdb,
    'dns.yaml': dnsManifest,
    'openapi.json': join(root, 'api/generated/openapi.json'),
  }
  for (const [name, text] of programs) {
    const [bundle, cache] = [join(work, `${name}.js`), join(work, `${name}.cache`)]
    writeFileSync(bundle, text)
    await execa(parts.node, [join(import.meta.dirname, 'code-cache.ts'), bundle, cache])
    assets[`${name}.js`] = bundle
    assets[`${name}.cache`] = cache
  }
  return assets
}

interface Injection {
  node: string
  main: string
  assets: Record<string, string>
  output: string
}

async function inject(work: string, { node, main, assets, output }: Injection): Promise<void> {
  const [mainFile, configFile] = [join(work, 'main.js'), join(work, 'sea.json')]
  writeFileSync(mainFile, main)
  const config = {
    main: mainFile,
    executable: node,
    output,
    disableExperimentalSEAWarning: true,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    assets,
  }
  writeFileSync(configFile, JSON.stringify(config, null, 2))
  await execa(process.execPath, ['--build-sea', configFile])
}
