import type { Dataset, Files } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import type { SourcePool } from '../source/connect.ts'
import { RowReader, splitFields } from '../source/copy.ts'
import { filesQuery } from './files-queries.ts'

/** A file that a record declares. */
export interface DeclaredFile {
  /** The keys from the record down to the row, as text. */
  keys: string[]
  /** In the application's store. */
  source: string
  name: string
  /** As the row has it; null where nothing was declared, or is known. */
  bytes: number | null
  sha256: string | null
  /** Names from the outermost in, as the data has them. */
  folders: string[]
}

/** What stands for a value that isn't there: every file lies equally deep, so that no file is in a folder's way. */
const none = '(none)'

/**
 * Streams a scope's files as they are at one instant, in key order.
 * @throws Problem SOURCE_…
 */
export async function* readFiles(
  source: SourcePool,
  dataset: Dataset,
  files: Files,
  scope: Scope,
): AsyncGenerator<DeclaredFile> {
  const sql = filesQuery(files, scopeLiteral(dataset, scope))
  const opened = Promise.withResolvers<RowReader>()
  const closing = Promise.withResolvers<void>()
  // Where no connection is lent at all, nobody waits for it, and a failure nobody waits for ends the process.
  closing.promise.catch(() => undefined)
  const lease = source.withConnection(async (client) => {
    const rows = new RowReader(client, sql)
    opened.resolve(rows)
    await closing.promise
    rows.destroy()
  })
  lease.catch(opened.reject)
  let failure: unknown
  try {
    const rows = await opened.promise
    do {
      for (let row = rows.next(); row !== null; row = rows.next())
        yield fileOf(JSON.parse(splitFields(row, 1).toString()) as Line, files)
    } while (await rows.fill())
  } catch (error) {
    failure = error
    throw error
  } finally {
    if (failure !== undefined) closing.reject(failure as Error)
    else closing.resolve()
    // What the source itself said of a failure is the better answer.
    await lease
  }
}

type Line = [
  keys: string[],
  key: string,
  name: string | null,
  size: string | null,
  sha256: string | null,
  values: (string | null)[],
]

function fileOf([keys, key, name, size, sha256, values]: Line, files: Files): DeclaredFile {
  return {
    keys,
    source: key,
    name: name || key.split('/').at(-1)!,
    bytes: size === null ? null : Number(size),
    sha256,
    folders: foldersOf(files.folder, values),
  }
}

/** A `/` of the pattern makes a folder, one in a value does not. */
function foldersOf(pattern: Files['folder'], values: (string | null)[]): string[] {
  let next = 0
  const folders = ['']
  for (const part of pattern) {
    if (typeof part !== 'string') folders[folders.length - 1] += values[next++] || none
    else {
      const [first = '', ...rest] = part.split('/')
      folders[folders.length - 1] += first
      folders.push(...rest)
    }
  }
  return folders.filter((folder) => folder !== '')
}
