import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { failpoint } from '../platform/failpoints.ts'
import { RESERVED } from './keys.ts'

/** Names of files that are still being written, in the store's reserved folder. */
export const INCOMING = 'incoming-'

export interface FileWrite {
  /** The store's folder, which exists. */
  root: string
  /** Absolute path in `root`. */
  path: string
  body: Readable | Buffer
  /** Wraps every call on the file system, so that its errors are told from those of the body. */
  onDisk: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Writes a file so that it is there whole or not at all, whenever the process or the machine dies: under a temporary
 * name in the same file system, flushed, renamed, the folders' entries flushed.
 * @returns the bytes written
 * @throws what `onDisk` makes of the file system's errors; the body's own errors as they are
 */
export async function writeWhole({ root, path, body, onDisk }: FileWrite): Promise<number> {
  const temporary = join(root, RESERVED, INCOMING + randomUUID())
  const file = await onDisk(() => openTemporary(temporary))
  try {
    const bytes = await fill(file, body, onDisk)
    await failpoint('store.file-filled')
    await onDisk(() => file.sync())
    await onDisk(() => file.close())
    await failpoint('store.file-flushed')
    await onDisk(() => mkdir(dirname(path), { recursive: true, mode: 0o750 }))
    await onDisk(() => rename(temporary, path))
    await failpoint('store.file-renamed')
    await onDisk(() => syncFolders(dirname(path), root))
    await failpoint('store.file-lasting')
    return bytes
  } catch (error) {
    // What cannot be removed now is swept later; the error that counts is the first one.
    await file.close().catch(() => {})
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Makes a removed or renamed entry of a folder last through a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Not recursive: a root that is gone (a disk that isn't mounted) must not be made anew. */
async function openTemporary(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return open(path, 'wx', 0o640)
}

async function fill(file: FileHandle, body: Readable | Buffer, onDisk: FileWrite['onDisk']): Promise<number> {
  let bytes = 0
  for await (const chunk of Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Buffer>)) {
    await onDisk(() => file.appendFile(chunk))
    bytes += chunk.length
  }
  return bytes
}

/** From the file's folder up to the root, since any of them may be new. */
async function syncFolders(folder: string, root: string): Promise<void> {
  await syncFolder(folder)
  if (folder !== root) await syncFolders(dirname(folder), root)
}
