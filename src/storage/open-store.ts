import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { storageProblems } from './errors.ts'
import { FolderStore } from './folder-store.ts'
import { S3Store } from './s3-store.ts'
import { parseS3Url } from './s3-url.ts'
import type { Store } from './store.ts'

/**
 * The store that a URL names. Touches neither the disk nor the network: `check()` does.
 *
 * - `file:path`: a folder, its path taken as it is written; or `file:///path`, percent-encoded as in any URL.
 * - `s3://bucket/prefix?…`: see `parseS3Url`.
 * @param base the folder that a relative `file:` path starts from; default: the working directory
 * @throws STORE_URL_INVALID in one line that doesn't repeat the URL, which may hold a secret
 */
export function openStore(url: string, base = '.'): Store {
  if (url.startsWith('file:')) return new FolderStore(resolve(base, folderPath(url)))
  if (url.startsWith('s3:')) return new S3Store(parseS3Url(url))
  throw storageProblems.STORE_URL_INVALID("The store's URL must start with file: or s3:.")
}

function folderPath(url: string): string {
  const path = url.startsWith('file://') ? decodedPath(url) : url.slice('file:'.length)
  if (path !== '' && !path.includes('\0')) return path
  throw storageProblems.STORE_URL_INVALID("The store's URL names no folder.")
}

function decodedPath(url: string): string {
  try {
    if (/[?#]/.test(url)) throw new Error('a question mark or hash of a path must be encoded')
    return fileURLToPath(url)
  } catch {
    throw storageProblems.STORE_URL_INVALID(
      "The store's URL must be file:path, or file:///absolute/path with percent-encoding.",
    )
  }
}
