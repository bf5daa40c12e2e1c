import { expect, test } from 'vitest'
import { chooseSubnet, planLab } from './layout.ts'

test('the node network avoids what the host already routes', () => {
  expect(chooseSubnet(['default', '172.17.0.0/16'])).toBe('10.89.0')
  expect(chooseSubnet(['10.0.0.0/8'])).toBe('172.31.89')
  expect(chooseSubnet(['10.89.0.7', '172.16.0.0/12'])).toBe('192.168.189')
})

test('a host that uses every candidate is told so', () => {
  expect(() => chooseSubnet(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'])).toThrow('in use on this host')
})

test('two labs share no name', () => {
  const [a, b] = [planLab('lab', '10.89.0', 2), planLab('test', '172.31.89', 2)]
  const names = (lab: typeof a) => [
    lab.dataDir,
    lab.runDir,
    lab.cgroup,
    lab.hostLink,
    lab.switchNetns,
    ...lab.nodes.flatMap((node) => [node.netns, node.cgroup]),
  ]
  expect(names(a).filter((name) => names(b).includes(name))).toEqual([])
})

test('a lab name that no link could carry is refused', () => {
  expect(() => planLab('my-long-laboratory', '10.89.0', 1)).toThrow('"my-long-laboratory"')
})
