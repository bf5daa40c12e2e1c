import { expect, test } from 'vitest'
import { RestoreScript } from './script.ts'

test('a small change is one text of all tables', () => {
  const script = new RestoreScript()
  script.write('nat', 'KUBE-SVC-A', ['-j KUBE-SEP-A'])
  script.remove('nat', 'KUBE-SEP-B')
  script.insert('filter', 'KUBE-SERVICES', '-j REJECT')
  expect([...script.texts()]).toEqual([
    [
      '*nat',
      ':KUBE-SVC-A - [0:0]',
      ':KUBE-SEP-B - [0:0]',
      '-A KUBE-SVC-A -j KUBE-SEP-A',
      '-X KUBE-SEP-B',
      'COMMIT',
      '*filter',
      '-I KUBE-SERVICES -j REJECT',
      'COMMIT',
      '',
    ].join('\n'),
  ])
})

test('of many texts, each leads only to chains that are there already', () => {
  const script = new RestoreScript()
  const count = 1_500
  const names = Array.from({ length: count }, (_, index) => index)
  script.write(
    'nat',
    'KUBE-SERVICES',
    names.map((index) => `-d 10.96.0.1/32 -j KUBE-SVC-${index}`),
  )
  for (const index of names) script.write('nat', `KUBE-SVC-${index}`, [`-j KUBE-SEP-${index}`])
  for (const index of names) script.write('nat', `KUBE-SEP-${index}`, ['-j DNAT'])
  const texts = [...script.texts()]
  expect(texts.length).toBeGreaterThan(1)
  const present = new Set<string>()
  for (const text of texts) {
    for (const [, chain = ''] of text.matchAll(/^:(\S+)/gm)) present.add(chain)
    const missing = [...text.matchAll(/-j (KUBE\S+)/g)].filter(([, target = '']) => !present.has(target))
    expect(missing).toEqual([])
  }
  expect(present.size).toBe(2 * count + 1)
})

test('many chains are emptied before the first of them goes', () => {
  const script = new RestoreScript()
  for (let index = 0; index < 2_500; index++) script.remove('nat', `KUBE-SEP-${index}`)
  const texts = [...script.texts()]
  const firstRemoval = texts.findIndex((text) => text.includes('-X '))
  const emptied = texts.slice(0, firstRemoval).flatMap((text) => text.match(/^:\S+/gm) ?? [])
  expect(emptied).toHaveLength(2_500)
  expect(texts.join('').match(/^-X /gm)).toHaveLength(2_500)
})
