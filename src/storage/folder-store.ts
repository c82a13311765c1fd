import { constants } from 'node:fs'
import { lstat, open, readdir, rm, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import type { ByteRange } from '../platform/byte-ranges.ts'
import { failpoint } from '../platform/failpoints.ts'
import { wholeStream } from '../platform/whole-stream.ts'
import { storageProblems } from './errors.ts'
import { folderProblem, isAbsent } from './folder-failures.ts'
import { walkKeys } from './folder-walk.ts'
import { INCOMING, syncFolder, writeWhole } from './folder-write.ts'
import { checkKey, checkPrefix, keyProblem, RESERVED } from './keys.ts'
import { beyondTheEnd, checkRange } from './ranges.ts'
import type { Store, StoredObject } from './store.ts'

/** A link in the last place is refused, and a pipe that somebody put there does not block. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * A store in a folder: each object is the plain file at its key. The folder must exist, since one that is gone may be
 * a disk that isn't mounted. Whatever can be a key of S3 can be one here, save that a segment has the file system's
 * limit (255 bytes mostly) and that a key cannot be the folder of another.
 */
export class FolderStore implements Store {
  readonly location: string
  readonly #root: string

  /** @param root absolute path */
  constructor(root: string) {
    this.#root = root
    this.location = pathToFileURL(root).href
  }

  async put(key: string, body: Readable | Buffer): Promise<number> {
    try {
      return await this.#put(key, body)
    } catch (error) {
      if (body instanceof Readable) body.destroy()
      throw error
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    if (range) checkRange(range)
    const file = await this.#open(key)
    try {
      const stats = await this.#onDisk(() => file.stat())
      if (!stats.isFile()) throw this.#missing(key)
      if (range && range.start >= stats.size) throw beyondTheEnd(key, range)
      const bytes = range ? Math.min(range.end + 1, stats.size) - range.start : stats.size
      const source = file.createReadStream({ ...range, highWaterMark: 262_144 })
      return wholeStream(source, { bytes, failure: (cause) => folderProblem(cause, this.location) })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: string): Promise<StoredObject | null> {
    const path = await this.#locate(key)
    const found = await this.#stat(key, path)
    if (!found) await this.#demandRoot()
    return found
  }

  async delete(key: string): Promise<void> {
    const path = await this.#locate(key)
    if (!(await this.head(key))) return
    await failpoint('store.file-removing')
    await this.#onDisk(() => unlink(path).catch(nullIfAbsent))
    await this.#onDisk(() => syncFolder(dirname(path)))
    await failpoint('store.file-removed')
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix)
    await this.#demandRoot()
    await this.#refuseLinks(prefix.slice(0, Math.max(0, prefix.lastIndexOf('/'))))
    try {
      for await (const key of walkKeys(this.#root, prefix)) {
        const object = await this.#stat(key, join(this.#root, key))
        if (object) yield object
      }
    } catch (error) {
      throw folderProblem(error, this.location)
    }
  }

  async check(): Promise<void> {
    const path = join(this.#root, RESERVED, 'check')
    await this.#write(path, Buffer.from('Holdfast can write here.\n'))
    await this.#onDisk(async () => (await open(path, READ)).close())
  }

  async sweep(olderThan: Date): Promise<number> {
    await this.#demandRoot()
    const folder = join(this.#root, RESERVED)
    const names = await this.#onDisk(() => readdir(folder).catch(nullIfAbsent))
    let swept = 0
    for (const name of (names ?? []).filter((name) => name.startsWith(INCOMING))) {
      const left = await this.#onDisk(() => lstat(join(folder, name)).catch(nullIfAbsent))
      if (!left || left.mtime >= olderThan) continue
      await this.#onDisk(() => rm(join(folder, name), { force: true }))
      swept++
    }
    return swept
  }

  async #put(key: string, body: Readable | Buffer): Promise<number> {
    return this.#write(await this.#locate(key), body)
  }

  async #write(path: string, body: Readable | Buffer): Promise<number> {
    await this.#demandRoot()
    return writeWhole({ root: this.#root, path, body, onDisk: (work) => this.#onDisk(work) })
  }

  async #open(key: string): Promise<FileHandle> {
    const path = await this.#locate(key)
    const file = await this.#onDisk(() => open(path, READ).catch(nullIfAbsent))
    if (file) return file
    await this.#demandRoot()
    throw this.#missing(key)
  }

  async #stat(key: string, path: string): Promise<StoredObject | null> {
    const stats = await this.#onDisk(() => lstat(path).catch(nullIfAbsent))
    return stats?.isFile() ? { key, bytes: stats.size, modifiedAt: stats.mtime } : null
  }

  /** The path of a key, which leads nowhere outside the root. */
  async #locate(key: string): Promise<string> {
    checkKey(key)
    await this.#refuseLinks(key)
    return join(this.#root, key)
  }

  async #refuseLinks(key: string): Promise<void> {
    let path = this.#root
    for (const segment of key.split('/')) {
      path = join(path, segment)
      const stats = await this.#onDisk(() => lstat(path).catch(nullIfAbsent))
      if (!stats) return
      if (stats.isSymbolicLink() && path !== this.#root)
        throw keyProblem(key, 'leads through a symbolic link')
    }
  }

  #missing(key: string) {
    return storageProblems.STORE_OBJECT_MISSING(`${this.location} has no object "${key}".`)
  }

  /** Before an object counts as missing: the store itself may be gone. */
  async #demandRoot(): Promise<void> {
    const stats = await this.#onDisk(() => stat(this.#root))
    if (!stats.isDirectory()) throw storageProblems.STORE_UNREACHABLE(`${this.location} is not a folder.`)
  }

  async #onDisk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw folderProblem(error, this.location)
    }
  }
}

function nullIfAbsent(error: unknown): null {
  if (isAbsent(error)) return null
  throw error
}
