// A process for embedded-store.crash.test.ts to kill: writes as fast as it can with several writers, and says each
// acknowledged write on stdout ("writer count revision") before it goes on.

import { writeSync } from 'node:fs'
import { openEmbeddedStore } from '../embedded-store.ts'
import type { Entry } from '../store.ts'
import { makeValue } from './value.ts'

const [directory = '', writers = '8'] = process.argv.slice(2)
const store = openEmbeddedStore(directory)

async function write(writer: number): Promise<never> {
  const key = `/crash/${writer}`
  let entry = await store.get(key)
  for (let count = entry === undefined ? 1 : countOf(entry) + 1; ; count++) {
    entry = await step(key, entry, makeValue(writer, count), count)
    // process.stdout keeps what a slow reader has no room for, and a kill would take it along.
    writeSync(1, `${writer} ${count} ${entry.revision}\n`)
  }
}

/** Every seventh step also makes and removes a key, or removes the one that the last kill left. */
async function step(key: string, entry: Entry | undefined, value: string, count: number): Promise<Entry> {
  if (count % 7 === 0) {
    const extra = (await store.get(`${key}/extra`)) ?? (await store.create(`${key}/extra`, value))
    await store.delete(extra.key, extra.revision)
  }
  return entry === undefined ? await store.create(key, value) : await store.update(key, value, entry.revision)
}

function countOf({ value }: Entry): number {
  return Number(value.split(' ')[1])
}

async function compactNowAndThen(): Promise<never> {
  for (;;) {
    const revision = await store.revision()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await store.compact(revision)
  }
}

await Promise.all([compactNowAndThen(), ...Array.from({ length: Number(writers) }, (_, writer) => write(writer))])
