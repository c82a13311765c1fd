import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Store } from '../storage/store.ts'
import type { StoredExport } from './export.ts'
import { exportProblems } from './errors.ts'
import { renderExport, type RenderOptions } from './render-export.ts'

/**
 * Renders an export into a store, then reads back and hashes what was stored. It isn't an export until its manifest is
 * written.
 * @throws as renderExport does; Problem STORE_…, EXPORT_STORED_WRONG
 */
export async function storeExport(store: Store, key: string, options: RenderOptions): Promise<StoredExport> {
  const hash = createHash('sha256')
  let bytes = 0
  const rendered = await renderExport(options, async (chunks) => {
    bytes = await store.put(key, Readable.from(hashed(chunks, hash), { objectMode: false }))
  })
  const sha256 = hash.digest('hex')
  await requireIntact(store, key, { sha256, bytes }, options.signal)
  return { ...rendered, sha256, bytes }
}

/** Passes bytes on, hashing them. */
export async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

async function requireIntact(
  store: Store,
  key: string,
  wanted: { sha256: string; bytes: number },
  signal?: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of await store.get(key)) {
    signal?.throwIfAborted()
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  if (hash.digest('hex') === wanted.sha256 && bytes === wanted.bytes) return
  throw exportProblems.EXPORT_STORED_WRONG(
    `${store.location} gave back other bytes than were written: ${bytes} of ${wanted.bytes}.`,
  )
}
