// net trace on networks broken on purpose: VXLAN.

import { tunnels } from '../broken-networks/cases.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trtunnels', tunnels, { kind: 'vxlan' })
