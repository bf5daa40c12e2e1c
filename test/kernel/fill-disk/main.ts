// Fills a store's disk, then makes room, and says on stdout what came of it.

import { openEmbeddedStore } from '../../../control-plane/store/embedded-store.ts'

const [directory = ''] = process.argv.slice(2)
const store = openEmbeddedStore(directory)
let acknowledged = 0
let refusal: unknown
while (refusal === undefined) {
  await store.create(`/big/${acknowledged}`, 'x'.repeat(20_000)).then(
    () => acknowledged++,
    (error: unknown) => {
      refusal = error
    },
  )
}
const { entries } = await store.list('/big/')
const first = await store.get('/big/0')
await store.delete('/big/0', first?.revision ?? 0)
const revision = await store.revision()
await store.close()

const reopened = openEmbeddedStore(directory)
console.log(
  JSON.stringify({
    refusal: String(refusal),
    acknowledged,
    listed: entries.length,
    listedAfterDeletion: (await reopened.list('/big/')).entries.length,
    revisionIsKept: (await reopened.revision()) === revision,
  }),
)
await reopened.close()
