// net trace on networks broken on purpose: services.

import { services } from '../broken-networks/services.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trservices', services)
