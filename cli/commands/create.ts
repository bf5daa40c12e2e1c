// fairlead create: from manifests, or from a few words for the commonest kinds.

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Command } from 'commander'
import type { ApiObject } from '../../api/objects/object.ts'
import { collect } from '../collect.ts'
import { formatName } from '../discovery.ts'
import { makeConfigMap, makeDeployment, makeNamespace, makeService } from '../generators.ts'
import { formatJson, formatYaml, type Manifest, readManifests } from '../manifests.ts'
import { place } from '../placement.ts'
import { inSession, type Session } from '../session.ts'

interface CreateOptions {
  filename?: string[]
  recursive?: boolean
  dryRun?: string
  output?: string
}

/** Adds the verb with its parts. */
export function addCreate(program: Command): void {
  const create = withCommon(program.command('create'))
    .description('create objects: create -f pod.yaml, create deployment web --image fairlead/testbox:1')
    .option('-f, --filename <file>', 'a file, a folder, or - for standard input', collect)
    .option('-R, --recursive', 'also the folders in folders')
    .action(
      inSession(async (session: Session, options: CreateOptions) => {
        if (options.filename === undefined) throw new Error('must specify -f, or what to create: see create --help')
        await createAll(session, readManifests(options.filename, options), options)
      }),
    )
  create.addCommand(deploymentCommand()).addCommand(namespaceCommand())
  create.addCommand(configMapCommand()).addCommand(serviceCommand())
}

const withCommon = (command: Command) =>
  command
    .option('--dry-run <kind>', '"client": only print; "server": say what would happen')
    .option('-o, --output <format>', 'with --dry-run=client: yaml or json')

async function createAll(
  session: Session,
  manifests: Manifest[],
  { dryRun = 'none', output }: CreateOptions,
): Promise<void> {
  if (!['none', 'client', 'server'].includes(dryRun))
    throw new Error(`--dry-run is client, server or none, not "${dryRun}"`)
  for (const manifest of manifests) {
    if (dryRun === 'client' && output !== undefined) {
      process.stdout.write(output === 'json' ? formatJson(manifest.object) : formatYaml(manifest.object))
      continue
    }
    const { type, object, name } = await place(session, manifest)
    const options = { dryRun: dryRun === 'server', fieldManager: 'fairlead-create', fieldValidation: 'Strict' as const }
    const made = dryRun === 'client' ? name : (await session.client.create<ApiObject>(type, object, options)).metadata
    const tail = dryRun === 'none' ? '' : ` (${dryRun === 'client' ? 'dry run' : 'server dry run'})`
    process.stdout.write(`${formatName(type, made.name)} created${tail}\n`)
  }
}

const createOne = (session: Session, object: Manifest['object'], options: CreateOptions) =>
  createAll(session, [{ object, source: 'the command line' }], options)

function deploymentCommand(): Command {
  return withCommon(new Command('deployment'))
    .alias('deploy')
    .argument('<name>')
    .argument('[command...]')
    .description('pods of one container, kept running')
    .requiredOption('--image <image>', 'what to run')
    .option('-r, --replicas <count>', 'how many', '1')
    .option('--port <port>', 'the port it listens on')
    .action(
      inSession(
        async (
          session: Session,
          name: string,
          command: string[],
          options: CreateOptions & { image: string; replicas: string; port?: string },
        ) => createOne(session, makeDeployment(name, { ...options, command }), options),
      ),
    )
}

function namespaceCommand(): Command {
  return withCommon(new Command('namespace'))
    .alias('ns')
    .argument('<name>')
    .description('a namespace')
    .action(
      inSession(async (session: Session, name: string, options: CreateOptions) =>
        createOne(session, makeNamespace(name), options),
      ),
    )
}

function configMapCommand(): Command {
  return withCommon(new Command('configmap'))
    .alias('cm')
    .argument('<name>')
    .description('a config map of literals and files')
    .option('--from-literal <key=value>', 'an entry', collect)
    .option('--from-file <[key=]file>', 'an entry with the content of a file', collect)
    .action(
      inSession(
        async (
          session: Session,
          name: string,
          options: CreateOptions & { fromLiteral?: string[]; fromFile?: string[] },
        ) => {
          const files = (options.fromFile ?? []).map((text) => {
            const [key = '', file = key] = text.split('=')
            return [file === key ? basename(file) : key, readFileSync(file)] as const
          })
          await createOne(session, makeConfigMap(name, options.fromLiteral ?? [], files), options)
        },
      ),
    )
}

function serviceCommand(): Command {
  const service = new Command('service').alias('svc').description('a service for the pods labelled app=NAME')
  for (const [word, type] of [
    ['clusterip', 'ClusterIP'],
    ['nodeport', 'NodePort'],
  ] as const) {
    service.addCommand(
      withCommon(new Command(word))
        .argument('<name>')
        .requiredOption('--tcp <port:target>', 'such as 80:8080', collect)
        .option('--node-port <port>', 'of every node')
        .action(
          inSession(
            async (session: Session, name: string, options: CreateOptions & { tcp: string[]; nodePort?: string }) =>
              createOne(session, makeService(name, type, options.tcp, options.nodePort), options),
          ),
        ),
    )
  }
  return service
}
