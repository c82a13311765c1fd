import { Readable } from 'node:stream'
import { openStore } from '../../src/storage/open-store.ts'

/**
 * A process that puts a body which never ends: sends `{ writing: true }` once much of it was taken, and
 * `{ code }` when the put fails. Its arguments are the store's URL and the key.
 */
const [url, key] = process.argv.slice(2) as [string, string]

await openStore(url)
  .put(key, Readable.from(endless()))
  .catch((error: { code: string }) => process.send!({ code: error.code }))

async function* endless(): AsyncGenerator<Buffer> {
  for (let n = 0; n < 80; n++) yield Buffer.alloc(1_000_000, n)
  process.send!({ writing: true })
  await new Promise(() => {})
}
