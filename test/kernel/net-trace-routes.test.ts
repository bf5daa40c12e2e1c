// net trace on networks broken on purpose: routes.

import { routes } from '../broken-networks/routes.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trroutes', routes)
