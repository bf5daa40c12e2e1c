// `fairlead images`: lists them, writes them as an archive, or hands them to Docker.

import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { packArchive, writeArchive } from '../../images/archive.ts'
import { loadImages } from './docker.ts'
import { imageNames, makeImages } from './recipes.ts'

interface ImagesOptions {
  load?: true
  out?: string
  dockerSocket: string
}

const command = new Command('fairlead images')
  .description(
    'The images that every host needs, made from this file: the pause of pods, and the DNS server of the cluster.',
  )
  .option('--load', 'hand them to Docker')
  .option('--out <file>', 'write them as an archive for docker load; - is standard output')
  .option('--docker-socket <path>', "Docker's unix socket", '/var/run/docker.sock')
  .addHelpText(
    'after',
    `
Without --load and --out it lists their names.

Examples:
  fairlead images --load
  fairlead images --out images.tar && docker load -i images.tar`,
  )
  .parse()

try {
  await run(command.opts<ImagesOptions>())
} catch (error) {
  console.error(`fairlead images: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}

async function run(options: ImagesOptions): Promise<void> {
  if (options.load === true || options.out !== undefined) await handOut(options)
  if (options.out !== '-') console.log(imageNames.flat().join('\n'))
}

async function handOut({ load, out, dockerSocket }: ImagesOptions): Promise<void> {
  const images = await makeImages()
  if (out === '-') await pipeline(packArchive(images), process.stdout)
  else if (out !== undefined) await writeArchive(out, images)
  if (load === true) await loadImages(images, dockerSocket)
}
