// net trace on networks broken on purpose: VXLAN.

import { testBrokenNetworks } from '../broken-networks/suite.ts'
import { tunnels } from '../broken-networks/tunnels.ts'

testBrokenNetworks('trtunnels', tunnels, { kind: 'vxlan' })
