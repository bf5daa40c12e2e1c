import { expect, test } from 'vitest'
import { parseModules } from './kernel-features.ts'

test('modules are named in lists of what is on disk, built in and loaded', () => {
  const dep = 'kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz\nkernel/drivers/net/veth.ko:\n'
  const builtin = 'kernel/net/netfilter/nf_conntrack.ko\nkernel/fs/some-fs.ko\n'
  const loaded = 'ip_vs 196608 2 ip_vs_rr, Live 0xffff\n'
  expect([dep, builtin, loaded].map(parseModules)).toEqual([
    ['br_netfilter', 'veth'],
    ['nf_conntrack', 'some_fs'],
    ['ip_vs'],
  ])
})
