import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from './folder-failures.ts'
import { isKey, sortKeys } from './keys.ts'

/**
 * Keys of the files below a folder that start with `prefix`, in byte order of the whole key. Holds the names of one
 * folder per level in memory. Symbolic links, and files whose name cannot be a key, are passed over.
 */
export async function* walkKeys(root: string, prefix: string): AsyncGenerator<string> {
  yield* walk(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix)
}

async function* walk(root: string, folder: string, prefix: string): AsyncGenerator<string> {
  for (const key of sortKeys(await entries(root, folder))) {
    if (!key.startsWith(prefix)) continue
    if (key.endsWith('/')) yield* walk(root, key, prefix)
    else yield key
  }
}

/** A folder's name ends in "/", which is how it takes part in the order of keys: "a.b" comes before "a/b". */
async function entries(root: string, folder: string): Promise<string[]> {
  const found = await readdir(join(root, folder), { withFileTypes: true }).catch(noneIfAbsent)
  return found
    .filter((entry) => isKey(folder + entry.name) && (entry.isDirectory() || entry.isFile()))
    .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
}

function noneIfAbsent(error: unknown): [] {
  if (isAbsent(error)) return []
  throw error
}
