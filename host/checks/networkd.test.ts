import { expect, test } from 'vitest'
import { managesForeignRoutes } from './networkd.ts'

test.each([
  ['', true],
  ['#ManageForeignRoutes=no', true],
  ['[Network]\nManageForeignRoutes=\nSpeedMeter=no', true],
  ['[Network]\nManageForeignRoutes=no', false],
  ['[Network]\n ManageForeignRoutes = N', false],
  ['ManageForeignRoutes=f', false],
  ['ManageForeignRoutes=OFF', false],
  ['ManageForeignRoutes=0', false],
  ['ManageForeignRoutes=no\nManageForeignRoutes=yes', true],
])('networkd with %j drops foreign routes: %s', (settings, expected) => {
  expect(managesForeignRoutes(settings)).toBe(expected)
})
