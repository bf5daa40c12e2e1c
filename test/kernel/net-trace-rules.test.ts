// net trace on networks broken on purpose: rules.

import { rules } from '../broken-networks/rules.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trrules', rules)
