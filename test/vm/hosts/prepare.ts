// Two hosts as their users have them before Fairlead comes: Docker with a network and a container of the user's, a firewall that is
// on, rules in iptables, nftables and ipset.

import { join } from 'node:path'
import { execa } from 'execa'
import type { Guest } from '../guest.ts'
import type { PartContext } from '../part.ts'

const root = join(import.meta.dirname, '../../..')

/** The one file, where a user would have put it. */
export const program = '/root/fairlead'
/** Writes what a host is like into a folder. */
export const snapshot = '/root/host-snapshot.sh'

export interface Hosts {
  control: Guest
  worker: Guest
}

/** Addresses on the cable between them, and those that they move to. */
export const addresses: Record<keyof Hosts, string> = { control: '192.168.77.1', worker: '192.168.77.2' }
export const nextAddresses: typeof addresses = { control: '192.168.77.11', worker: '192.168.77.12' }

/** Leads to the control plane. */
export const serverName = 'cluster.test'
/** Makes it lead there on a host. */
export const nameServer = (address: string) =>
  `sed -i '/${serverName}/d' /etc/hosts && echo '${address} ${serverName}' >>/etc/hosts`

/** Both hosts, each with the one file and the user's things. A guest that was kept is set back first. */
export async function prepareHosts(context: PartContext): Promise<Hosts> {
  await execa(process.execPath, [join(root, 'scripts/build-executable.ts')])
  const hosts = { control: context.guest, worker: await context.peer() }
  context.say('copying the one file into both guests, and making what their users have')
  await Promise.all((['control', 'worker'] as const).map((name) => prepareHost(hosts[name], addresses[name])))
  return hosts
}

async function prepareHost(guest: Guest, address: string): Promise<void> {
  await guest.run('[ ! -e /usr/local/bin/fairlead ] || fairlead reset --yes')
  await guest.copy(join(root, 'dist/fairlead'), program)
  await guest.copy(join(root, 'test/vm/programs/host-snapshot.sh'), snapshot)
  await guest.run(`set -eu; chmod +x ${program} ${snapshot}; ${connect(address)} ${things}`)
}

/** The cable becomes the link of the default route. networkd takes routes of others away when it starts anew, unless it is told. */
const connect = (address: string) => `
  mkdir -p /etc/systemd/networkd.conf.d
  printf '[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' >/etc/systemd/networkd.conf.d/foreign.conf
  sed '/^Gateway=/d' /etc/systemd/network/10-eth0.network >${outside}
  printf '[Match]\\nName=eth1\\n[Network]\\nAddress=${address}/24\\nGateway=192.168.77.254\\n' >${cable}
  systemctl restart systemd-networkd; networkctl reconfigure eth1
  ${nameServer(addresses.control)}`

const cable = '/etc/systemd/network/10-eth1.network'
/** Of the link to the outside, before the file that the image has. */
const outside = '/etc/systemd/network/05-eth0.network'

/** Gives the host another address on the cable, as the end of a lease would. */
export const moveTo = (address: string) =>
  `sed -i 's#^Address=.*#Address=${address}/24#' ${cable} && networkctl reload && networkctl reconfigure eth1`

const things = `
  systemctl enable --now docker
  if ! docker inspect users >/dev/null 2>&1; then
    tar -C / --dereference -c bin/busybox usr/bin/curl $(ldd /usr/bin/curl | grep -o '/[^ ]*' | cut -c 2-) | docker import --change 'CMD ["/bin/busybox", "sleep", "infinity"]' - users:1
    docker network create users
    docker run --detach --restart always --name users --network users --publish 8088:80 users:1
  fi
  iptables -C INPUT -s 203.0.113.0/24 -j DROP 2>/dev/null || iptables -I INPUT -s 203.0.113.0/24 -j DROP
  nft list table inet users >/dev/null 2>&1 || nft 'add table inet users; add chain inet users c { type filter hook input priority 5; };
    add rule inet users c ip saddr 203.0.113.9 drop'
  ipset -exist create users hash:ip; ipset -exist add users 203.0.113.1
  ufw allow 22/tcp; ufw --force enable`

/** Sets the guests back to what other parts expect. */
export async function leaveHosts({ control, worker }: Hosts): Promise<void> {
  for (const guest of [worker, control])
    await guest.run(`fairlead reset --yes; ufw --force disable; systemctl disable --now docker.socket docker || true
      rm -f ${outside} ${cable}; ip address flush dev eth1; systemctl restart systemd-networkd`)
}
