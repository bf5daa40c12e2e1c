// fairlead token: who may join, and until when. Works on the control plane's host, or wherever a kubeconfig of an administrator is.

import { type Command, InvalidArgumentError } from 'commander'
import {
  bootstrapSecretName,
  bootstrapTokenNamespace,
  bootstrapTokenType,
  parseBootstrapToken,
} from '../../api/client/join/bootstrap-token.ts'
import type { Secret } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isNotFound } from '../../api/objects/status-error.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { Refusal } from '../failure.ts'
import { createToken, formatJoinCommand } from '../join-command.ts'
import { adminKubeconfigPath } from '../paths.ts'
import { tell } from '../progress.ts'
import { withAdmin } from '../server.ts'

interface CreateOptions {
  /** Milliseconds; 0: never ends. */
  ttl: number
  description?: string
  printJoinCommand?: boolean
}

/** Adds the command with its parts. */
export function addToken(program: Command): void {
  const token = program.command('token').description('who may join, and until when').addHelpText('after', help)
  token
    .command('create')
    .description('make a token, and print it')
    .option('--ttl <time>', 'how long it counts, such as 30m or 24h; 0: until it is deleted', parseTtl, 24 * hourMs)
    .option('--description <text>', 'what it is for')
    .option('--print-join-command', 'print the whole line that a host is to run')
    .action(create)
  token.command('list').description('tokens and their ends; never their secrets').action(list)
  token
    .command('delete <token...>')
    .description('nobody may join with it any more; its first six characters will do')
    .action(remove)
}

const help = `
Reads ${adminKubeconfigPath}, so it runs on the control plane's host, as root.

Examples:
  sudo fairlead token create --print-join-command
  sudo fairlead token create --ttl 15m --description 'rack 4'
  sudo fairlead token list
  sudo fairlead token delete abcdef`

const hourMs = 60 * 60 * 1000
const unitsMs: Record<string, number> = { s: 1_000, m: 60_000, h: hourMs, d: 24 * hourMs }

/** Milliseconds of "30m", "1h30m", "7d"; 0 is 0. */
export function parseTtl(text: string): number {
  if (text === '0') return 0
  if (!/^(\d+[smhd])+$/.test(text)) throw new InvalidArgumentError('Expected a time such as 30m, 24h or 7d, or 0.')
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (unitsMs[unit] ?? 0),
    0,
  )
}

async function create({ ttl, description, printJoinCommand }: CreateOptions): Promise<void> {
  const options = {
    ...(ttl > 0 && { expires: new Date(Date.now() + ttl) }),
    ...(description !== undefined && { description }),
  }
  const token = await withAdmin((client) => createToken(client, options))
  process.stdout.write(`${printJoinCommand === true ? formatJoinCommand(token) : token}\n`)
}

async function list(): Promise<void> {
  const { items } = await withAdmin((client) => client.list(secrets, { namespace: bootstrapTokenNamespace }))
  const tokens = items.filter(({ type }) => type === bootstrapTokenType)
  if (tokens.length === 0) return tell('no tokens: fairlead token create makes one')
  const lines = [['ID', 'ENDS', 'LEFT', 'DESCRIPTION'], ...tokens.map((secret) => describeToken(secret, Date.now()))]
  process.stdout.write(
    lines.map((line) => `${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('')}\n`).join(''),
  )
}

const widths = [10, 24, 12]

/** The cells of one token. Pure. */
export function describeToken({ data = {} }: Stored<Secret>, nowMs: number): string[] {
  const read = (field: string) => Buffer.from(data[field] ?? '', 'base64').toString('utf8')
  const ends = read('expiration')
  const leftMs = Date.parse(ends) - nowMs
  return [read('token-id'), ends || 'never', ends === '' ? '' : formatLeft(leftMs), read('description')]
}

function formatLeft(leftMs: number): string {
  if (leftMs <= 0) return 'ended'
  const minutes = Math.floor(leftMs / 60_000)
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${minutes % 60}m`
}

async function remove(words: string[]): Promise<void> {
  const ids = words.map(idOf)
  await withAdmin(async (client) => {
    for (const id of ids) {
      const name = { namespace: bootstrapTokenNamespace, name: bootstrapSecretName(id) }
      await client.delete(secrets, name).catch((error: unknown) => {
        throw isNotFound(error) ? new Refusal(`no token ${id}: fairlead token list shows those there are`) : error
      })
      process.stdout.write(`token ${id} deleted\n`)
    }
  })
}

function idOf(word: string): string {
  const id = parseBootstrapToken(word)?.id ?? word
  if (/^[a-z0-9]{6}$/.test(id)) return id
  throw new Refusal(`"${word}" is neither a token nor its first six characters; nothing was deleted`)
}
