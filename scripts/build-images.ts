// Writes dist/images/{pause,testbox,dns}.tar, as `docker load` reads them, without a registry and without Docker. Layers
// are kept in .cache/images under the hash of their input, so that a second run writes nothing.

import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ImageArchive } from '../images/archive.ts'
import { makeInputKey } from '../images/input-key.ts'
import type { Layer, LayerContent } from '../images/layer.ts'

const root = join(import.meta.dirname, '..')
const images = join(root, 'images')
const cache = join(root, '.cache/images')
const node = process.execPath
const shared = [join(images, '*.ts')]

/** Builds an image when its key is not the one that the last build left beside it. */
async function buildImage(name: string, key: string, makeArchive: () => Promise<ImageArchive>): Promise<void> {
  const path = join(root, 'dist/images', `${name}.tar`)
  const keyFile = join(cache, `${name}.key`)
  const isFresh = globSync([path, keyFile]).length === 2 && readFileSync(keyFile, 'utf8') === key
  if (isFresh) return
  const started = performance.now()
  const { writeArchive } = await import('../images/archive.ts')
  await writeArchive(path, [await makeArchive()])
  mkdirSync(cache, { recursive: true })
  writeFileSync(keyFile, key)
  console.log(`dist/images/${name}.tar (${(performance.now() - started).toFixed(0)} ms)`)
}

/** The layer of this name and key; earlier versions of it are removed. */
async function buildLayer(name: string, key: string, makeContent: () => Promise<LayerContent>): Promise<Layer> {
  const path = join(cache, `${name}-${key}.tar`)
  for (const old of globSync(join(cache, `${name}-*`))) if (basename(old) !== basename(path)) rmSync(old)
  const { ensureLayer } = await import('../images/layer.ts')
  return await ensureLayer(path, makeContent)
}

const pauseKey = makeInputKey({ sources: [...shared, join(images, 'pause/*')] })
await buildImage('pause', pauseKey, async () => {
  const pause = await import('../images/pause/image.ts')
  return { tags: pause.tags, config: pause.config, layers: [await buildLayer('pause', pauseKey, pause.makeContent)] }
})

// The list of installed packages stands for libraries, tools and theirs: looking at each would take longer.
const packages = '/var/lib/dpkg/status'
const librariesKey = makeInputKey({ sources: shared, programs: [node, packages] })
const nodeKey = makeInputKey({ sources: shared, programs: [node] })

async function nodeLayers(): Promise<Layer[]> {
  const base = await import('../images/node-base.ts')
  return [
    await buildLayer('libraries', librariesKey, () => base.makeLibrariesContent(node)),
    await buildLayer('node', nodeKey, () => base.makeNodeContent(node)),
  ]
}

const recipe = [...shared, join(images, 'testbox/*.ts')]
const toolsKey = makeInputKey({ sources: recipe, programs: [node, packages] })
const serverKey = makeInputKey({ sources: [...recipe, join(images, 'testbox/server/*.ts')] })
await buildImage('testbox', `${librariesKey} ${nodeKey} ${toolsKey} ${serverKey}`, async () => {
  const testbox = await import('../images/testbox/image.ts')
  const tools = await testbox.findTools()
  const layers = [
    ...(await nodeLayers()),
    await buildLayer('tools', toolsKey, () => testbox.makeToolsContent(tools, node)),
    await buildLayer('server', serverKey, testbox.makeServerContent),
  ]
  return { tags: testbox.tags, config: testbox.config, layers }
})

const dnsProgram = join(root, 'dist/dns.js')
const dnsKey = makeInputKey({ sources: [...shared, join(images, 'dns/*.ts'), dnsProgram] })
await buildImage('dns', `${librariesKey} ${nodeKey} ${dnsKey}`, async () => {
  const dns = await import('../images/dns/image.ts')
  const program = await buildLayer('dns', dnsKey, async () => dns.makeProgramContent(dnsProgram))
  return { tags: dns.tags, config: dns.config, layers: [...(await nodeLayers()), program] }
})
