import { MemoryStore } from './memory-store.ts'
import { testStore } from './store.cases.ts'

testStore(async () => new MemoryStore())
