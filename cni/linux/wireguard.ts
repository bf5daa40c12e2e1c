// The only door to wg(8) of wireguard-tools: keys and peers of WireGuard devices.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** The other end of a tunnel. */
export interface WireguardPeer {
  /** Base64. */
  publicKey: string
  /** Where it listens: "192.0.2.2:51820", "[2001:db8::2]:51820"; empty while it is not known. */
  endpoint: string
  /** Ranges that are sent to it, and from which its packets may come. */
  allowedIps: readonly string[]
}

export interface WireguardDevice {
  /** Of its private key; "(none)" while it has none. */
  publicKey: string
  listenPort: number
  peers: readonly WireguardPeer[]
}

export interface WireguardChanges {
  /** File with the private key. */
  privateKeyFile?: string
  listenPort?: number
  /** Added or changed; each has exactly these allowed addresses afterwards. */
  peers?: readonly WireguardPeer[]
  /** Public keys of peers to remove. */
  removed?: readonly string[]
}

/** Reads a device that there is. */
export async function readWireguard(dev: string, where: Where = {}): Promise<WireguardDevice> {
  const [device = '', ...peers] = (await run('wg', ['show', dev, 'dump'], where)).trim().split('\n')
  // First is the private key, which nobody here has a use for.
  const [, publicKey = '', listenPort] = device.split('\t')
  return { publicKey, listenPort: Number(listenPort), peers: peers.map(readPeer) }
}

function readPeer(line: string): WireguardPeer {
  const [publicKey = '', , endpoint = '', allowedIps = ''] = line.split('\t').map((word) => word.replace('(none)', ''))
  return { publicKey, endpoint, allowedIps: allowedIps === '' ? [] : allowedIps.split(',') }
}

/** Writes all changes by one call. */
export async function writeWireguard(dev: string, changes: WireguardChanges, where: Where = {}): Promise<void> {
  const { privateKeyFile, listenPort, peers = [], removed = [] } = changes
  await run(
    'wg',
    [
      ['set', dev],
      listenPort === undefined ? [] : ['listen-port', String(listenPort)],
      privateKeyFile === undefined ? [] : ['private-key', privateKeyFile],
      ...removed.map((key) => ['peer', key, 'remove']),
      ...peers.map(({ publicKey, endpoint, allowedIps }) => [
        ...['peer', publicKey, 'endpoint', endpoint],
        ...['allowed-ips', allowedIps.join(',')],
      ]),
    ].flat(),
    where,
  )
}
