import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { unzstd } from './zstd.ts'
import type { Store } from '../../src/storage/store.ts'

/** What lies in a store, read without the product's own checks. */
export interface FoundArtifact {
  key: string
  /** Of the decompressed bytes. */
  sha256: string
  bytes: number
  document: Artifact
  manifest: FoundManifest | null
}

export interface Artifact {
  holdfast: 1
  dataset: string
  scope: Record<string, unknown>
  records: Record<string, unknown>[]
  counts: Record<string, number>
  stats: Record<string, unknown>
}

export interface FoundManifest {
  id: string
  sha256: string
  bytes: number
  storedBytes: number
  title: string | null
  hold: boolean
  [field: string]: unknown
}

/** Every artifact in the store, opened with zlib and hashed here. */
export async function readStore(store: Store): Promise<FoundArtifact[]> {
  const found: FoundArtifact[] = []
  const keys = await storedKeys(store)
  for (const key of keys.filter((key) => key.endsWith('.json.zst'))) {
    const content = unzstd(await readObject(store, key))
    const manifest = `${key}.manifest.json`
    found.push({
      key,
      sha256: createHash('sha256').update(content).digest('hex'),
      bytes: content.length,
      document: JSON.parse(content.toString()) as Artifact,
      manifest: keys.includes(manifest) ? JSON.parse((await readObject(store, manifest)).toString()) : null,
    })
  }
  return found
}

export async function storedKeys(store: Store): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ key }) => key)
}

export async function readObject(store: Store, key: string): Promise<Buffer> {
  return buffer(await store.get(key))
}

/** Turns one bit in the middle of a stored object. */
export async function damage(store: Store, key: string): Promise<void> {
  const bytes = await readObject(store, key)
  bytes[bytes.length >> 1]! ^= 0x10
  await store.put(key, bytes)
}
