import { expect, test } from 'vitest'
import { parseMountInfo } from './mounts.ts'

test('mount points are read with the characters that the kernel escapes', () => {
  const text = String.raw`25 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 25 0:27 / /mnt/with\040space\134and\011tab rw - tmpfs tmpfs rw
`
  expect(parseMountInfo(text)).toEqual(['/', '/mnt/with space\\and\ttab'])
})
