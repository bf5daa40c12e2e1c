// One executable: Node, the entry, and the assets. https://nodejs.org/api/single-executable-applications.html

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { makeInputKey } from '../../images/input-key.ts'
import { makeProgram as makePause } from '../../images/pause/image.ts'
import { root } from '../programs.ts'
import { bundleEntry } from './bundle.ts'
import { commandFor, writeCodeCaches } from './code-caches.ts'
import { type Architecture, ensureParts, type Parts } from './packages.ts'
import { cutSymbols, removeLibatomic } from './slim.ts'

/** Files that programs read, as they are: what clients ask the API server for, and the add-on that init applies. */
const files = {
  'openapi.json': join(root, 'api/generated/openapi.json'),
  'dns.yaml': join(root, 'addons/dns/dns.yaml'),
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

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
  const key = hashOf(
    new Map([
      ['main', main],
      ['parts', keyOf(parts)],
    ]),
  )
  const keyFile = join(work, 'key')
  if (existsSync(path) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return false
  const node = readFileSync(parts.node)
  const slim = cutSymbols(node)
  removeLibatomic(slim, architecture)
  writeFileSync(join(work, 'node'), slim, { mode: 0o755 })
  const assets = await writeAssets(work, architecture, programs, parts)
  await inject(work, { main, assets, output: `${path}.tmp` })
  await tryOut(architecture, `${path}.tmp`)
  renameSync(`${path}.tmp`, path)
  writeFileSync(keyFile, key)
  return true
}

/** Starts it where this machine can: what does not start is not put in place. */
async function tryOut(architecture: Architecture, path: string): Promise<void> {
  const [program, ...args] = commandFor(architecture, path) ?? []
  if (program !== undefined) await execa(program, [...args, 'version'])
}

/** First digits of a hash of named texts, which tells one build from another. */
function hashOf(texts: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  for (const [name, text] of texts) hash.update(`${name} ${text.length}\n`).update(text)
  return hash.digest('hex').slice(0, 10)
}

function keyOf({ node, lmdb }: Parts): string {
  return makeInputKey({
    sources: [join(import.meta.dirname, '*.ts'), join(root, 'images/pause/*'), ...Object.values(files)],
    programs: [node, lmdb],
  })
}

/** Paths of the assets by their names. */
async function writeAssets(
  work: string,
  architecture: Architecture,
  programs: ReadonlyMap<string, string>,
  { lmdb }: Parts,
): Promise<Record<string, string>> {
  writeFileSync(join(work, 'lmdb.node'), cutSymbols(readFileSync(lmdb)))
  for (const [name, text] of programs) writeFileSync(join(work, `${name}.js`), text)
  await writeCodeCaches(work, architecture, [...programs.keys()])
  writeFileSync(join(work, 'pause'), await makePause(architecture))
  const made = ['lmdb.node', 'pause', ...[...programs.keys()].flatMap((name) => [`${name}.js`, `${name}.cache`])]
  return {
    ...Object.fromEntries(made.map((file) => [file, join(work, file)])),
    ...files,
  }
}

interface Injection {
  main: string
  assets: Record<string, string>
  output: string
}

async function inject(work: string, { main, assets, output }: Injection): Promise<void> {
  const [mainFile, configFile] = [join(work, 'main.js'), join(work, 'sea.json')]
  writeFileSync(mainFile, main)
  const config = {
    main: mainFile,
    executable: join(work, 'node'),
    output,
    disableExperimentalSEAWarning: true,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    assets,
  }
  writeFileSync(configFile, JSON.stringify(config, null, 2))
  await execa(process.execPath, ['--build-sea', configFile])
}
