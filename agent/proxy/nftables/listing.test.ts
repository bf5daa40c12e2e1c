import { expect, test } from 'vitest'
import { normalizeRule, parseListing } from './listing.ts'

const listing = parseListing(`table ip kube-proxy {
	comment "the layout"
	map endpoints {
		type ipv4_addr . inet_proto . inet_service . classid : ipv4_addr . inet_service
		elements = { 10.96.0.10 . tcp . 80 . 0:1 comment "default/web:http" : 10.244.1.2 . 8080,
			     10.96.0.10 . tcp . 80 . 0:2 comment "default/web:http" : 10.244.2.2 . 8080 }
	}

	map affinity {
		typeof ip daddr . ip saddr . meta l4proto . th dport : meta priority
		flags dynamic,timeout
		elements = { 10.96.0.10 . 10.244.1.9 . tcp . 80 timeout 3h expires 2h : bb1f:9404 }
	}

	set cluster-ips {
		type ipv4_addr
		elements = { 10.96.0.10 comment "default/web", 10.96.0.11 }
	}

	chain nat-output {
		type nat hook output priority -101; policy accept;
		jump services
	}
}
`)

test('elements are read with what they lead to, and whose they are', () => {
  expect([...(listing.sets.get('endpoints') ?? [])]).toEqual([
    ['10.96.0.10 . tcp . 80 . 0:1', { value: '10.244.1.2 . 8080', comment: 'default/web:http' }],
    ['10.96.0.10 . tcp . 80 . 0:2', { value: '10.244.2.2 . 8080', comment: 'default/web:http' }],
  ])
  expect([...(listing.sets.get('cluster-ips') ?? [])]).toEqual([
    ['10.96.0.10', { comment: 'default/web' }],
    ['10.96.0.11', {}],
  ])
})

test('what packets write themselves is left out', () => {
  expect(listing.sets.get('affinity')?.size).toBe(0)
})

test('chains are read with the place where they hook in', () => {
  expect(listing.comment).toBe('the layout')
  expect(listing.chains.get('nat-output')).toEqual(['type nat hook output', 'jump services'])
})

test('the words of other versions of nft are the same rule', () => {
  expect(normalizeRule('meta mark set meta mark or 0x00004000')).toBe(normalizeRule('meta mark set meta mark | 0x4000'))
})
