// What the kernel lacks of the attachments that records tell of: cables, rates, elements of the source check and of host
// ports. Removes what belongs to no attachment.

import type { Difference } from '../../api/net/difference.ts'
import { limitRates } from '../../cni/bridge/bandwidth.ts'
import { configurePod, inspectHostEnd, inspectPodEnd } from '../../cni/bridge/cable.ts'
import { hostPortTable } from '../../cni/bridge/host-port-table.ts'
import { mendHostPorts, readHostPorts, removeHostPorts } from '../../cni/bridge/host-ports.ts'
import { isHostLink } from '../../cni/bridge/names.ts'
import { mendTable, readElements, removeElements, wantedElements } from '../../cni/bridge/source-check.ts'
import { sourceTable } from '../../cni/bridge/source-rules.ts'
import { type Link, listLinks } from '../../cni/linux/ip.ts'
import { listRootQdiscs } from '../../cni/linux/tc.ts'
import { type Attachment, makeCable } from '../../cni/plugin.ts'
import { hasNamespace } from './attachments.ts'
import type { Repair } from './repair.ts'

/** An attachment, and the pod that wants it. */
export interface OwnedAttachment extends Attachment {
  owner: string
  /** As in its record. */
  netnsInode?: number
}

export interface AttachmentWish {
  bridge: string
  wanted: readonly OwnedAttachment[]
  /** Links of pods that are attached or detached meanwhile, until what was found is mended: neither missing nor extra. */
  busyLinks: Set<string>
  /** Also looks into the pods' namespaces, some programs for each pod. */
  inside: boolean
}

/** Whose everything is that no pod has. */
const nobody = 'a pod that is gone'

/** What must change so that the kernel holds exactly these attachments on the bridge. */
export async function compareAttachments(wish: AttachmentWish): Promise<Repair[]> {
  const [links, qdiscs] = await Promise.all([listLinks(), listRootQdiscs(), leaveEndedAlone(wish)])
  const linkOf = new Map(links.map((link) => [link.ifname, link]))
  const repairs: Repair[] = []
  for (const attachment of settledOf(wish)) {
    repairs.push(...compareHostEnd(attachment, wish, linkOf.get(attachment.hostLink), qdiscs))
    if (wish.inside && linkOf.has(attachment.hostLink)) repairs.push(...(await comparePodEnd(attachment)))
  }
  return [
    ...repairs,
    ...extraLinks(wish, links),
    ...(await compareSourceCheck(wish)),
    ...(await compareHostPorts(wish)),
  ]
}

/** Of a sandbox that has ended nothing is left to mend, and its worker takes the rest away: nothing of it is missing or extra. */
async function leaveEndedAlone({ wanted, busyLinks }: AttachmentWish): Promise<void> {
  const alive = await Promise.all(
    wanted.map(({ cable: { netns }, netnsInode }) => hasNamespace({ netns, ...(netnsInode && { netnsInode }) })),
  )
  for (const [index, { hostLink }] of wanted.entries()) if (alive[index] !== true) busyLinks.add(hostLink)
}

/** To be asked anew after each wait: more may be busy by then. */
function settledOf({ wanted, busyLinks }: AttachmentWish): OwnedAttachment[] {
  return wanted.filter(({ hostLink }) => !busyLinks.has(hostLink))
}

function compareHostEnd(
  attachment: OwnedAttachment,
  { busyLinks }: AttachmentWish,
  link: Link | undefined,
  qdiscs: Map<string, string>,
): Repair[] {
  const { config, hostLink, owner } = attachment
  if (link === undefined)
    return [
      {
        differences: [{ kind: 'link', name: hostLink, state: 'missing', owner }],
        act: async () => (busyLinks.has(hostLink) ? undefined : await makeCable(attachment)),
      },
    ]
  const repairs: Repair[] = inspectHostEnd(config, hostLink, link).map(({ finding, line }) => ({
    differences: [{ kind: 'link', name: hostLink, state: 'different', owner, detail: finding }],
    ...(line !== undefined && { ip: [line] }),
  }))
  if ((config.bandwidth.ingressRate ?? 0) > 0 && qdiscs.get(hostLink) !== 'tbf')
    repairs.push(missingRate(attachment, hostLink))
  return repairs
}

async function comparePodEnd(attachment: OwnedAttachment): Promise<Repair[]> {
  const { config, cable, owner } = attachment
  const findings = await inspectPodEnd(config, cable)
  const repairs: Repair[] = findings.map((finding) => ({
    differences: [{ kind: 'link', name: cable.ifname, state: 'different', owner, detail: finding }],
    act: () => configurePod(config, cable),
  }))
  const isLimited = (config.bandwidth.egressRate ?? 0) > 0
  if (isLimited && (await listRootQdiscs({ netns: cable.netns })).get(cable.ifname) !== 'tbf')
    repairs.push(missingRate(attachment, cable.ifname))
  return repairs
}

function missingRate({ config, cable, hostLink, owner }: OwnedAttachment, device: string): Repair {
  return {
    differences: [{ kind: 'link', name: device, state: 'different', owner, detail: `the rate of ${device} is gone` }],
    act: () => limitRates(config.bandwidth, { ...cable, hostLink }),
  }
}

function extraLinks({ bridge, wanted, busyLinks }: AttachmentWish, links: readonly Link[]): Repair[] {
  const known = new Set(wanted.map(({ hostLink }) => hostLink))
  return links
    .filter(({ ifname, master }) => master === bridge && isHostLink(ifname))
    .filter(({ ifname }) => !known.has(ifname) && !busyLinks.has(ifname))
    .map(({ ifname }) => ({
      differences: [{ kind: 'link', name: ifname, state: 'extra', owner: nobody }],
      ip: [`link delete ${ifname}`],
    }))
}

async function compareSourceCheck(wish: AttachmentWish): Promise<Repair[]> {
  const { bridge, busyLinks } = wish
  const present = await readElements(bridge)
  const owned = settledOf(wish).flatMap(({ port, owner }) => (port === undefined ? [] : [{ port, owner }]))
  const ports = owned.map(({ port }) => port)
  if (present === undefined && ports.length === 0) return []
  const elements = wantedElements(ports)
  const owners = new Map(owned.map(({ port, owner }) => [port, owner]))
  const missing = [...elements].filter(([element]) => present?.has(element) !== true)
  const extra = [...(present ?? [])].filter((each) => !elements.has(each) && !busyLinks.has(linkOfElement(each)))
  const name = (element: string) => `${sourceTable(bridge)} ${element}`
  const repairs: Repair[] = []
  if (present === undefined || missing.length > 0)
    repairs.push({
      differences: [
        ...(present === undefined ? [brokenTable(sourceTable(bridge))] : []),
        ...missing.map(([element, port]): Difference => {
          return { kind: 'element', name: name(element), state: 'missing', owner: owners.get(port) ?? nobody }
        }),
      ],
      act: () =>
        mendTable(
          bridge,
          ports.filter(({ link }) => !busyLinks.has(link)),
        ),
    })
  if (extra.length > 0)
    repairs.push({
      differences: extra.map((each) => ({ kind: 'element', name: name(each), state: 'extra', owner: nobody })),
      act: () => removeElements(bridge, extra),
    })
  return repairs
}

/** "ipv4 vethx . 10.244.1.2" is of vethx. */
function linkOfElement(element: string): string {
  return element.split(' ')[1] ?? ''
}

async function compareHostPorts(wish: AttachmentWish): Promise<Repair[]> {
  const { bridge, busyLinks } = wish
  const present = await readHostPorts(bridge)
  const owned = settledOf(wish).flatMap(({ hostPorts, owner }) => hostPorts.map((port) => ({ port, owner })))
  if (present === undefined && owned.length === 0) return []
  const keyOf = ({ map, key, target }: { map: string; key: string; target: string }) => `${map} ${key} ${target}`.trim()
  const presentKeys = new Set(present?.map(keyOf))
  const wantedKeys = new Set(owned.map(({ port }) => keyOf(port)))
  const missing = owned.filter(({ port }) => !presentKeys.has(keyOf(port)))
  // Elements name no link: while a pod is on its way one of them may be its own.
  const extra = busyLinks.size > 0 ? [] : (present ?? []).filter((port) => !wantedKeys.has(keyOf(port)))
  const name = (port: { map: string; key: string; target: string }) => `${hostPortTable(bridge)} ${keyOf(port)}`
  const repairs: Repair[] = []
  // First what is in the way of what is missing.
  if (extra.length > 0)
    repairs.push({
      differences: extra.map((port) => ({ kind: 'element', name: name(port), state: 'extra', owner: nobody })),
      act: () => removeHostPorts(bridge, extra),
    })
  if (present === undefined || missing.length > 0)
    repairs.push({
      differences: [
        ...(present === undefined ? [brokenTable(hostPortTable(bridge))] : []),
        ...missing.map(({ port, owner }): Difference => {
          return { kind: 'element', name: name(port), state: 'missing', owner }
        }),
      ],
      act: () =>
        mendHostPorts(
          bridge,
          settledOf(wish).flatMap(({ hostPorts }) => hostPorts),
        ),
    })
  return repairs
}

function brokenTable(name: string): Difference {
  return {
    kind: 'chain',
    name: `table ${name}`,
    state: 'different',
    owner: 'the pod network',
    detail: 'rules are gone',
  }
}
