import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { datasetFiles } from './load.ts'

export interface Watching {
  /** Ends it; `onChange` is not called afterwards. */
  close(): void
}

/**
 * Watches a folder of dataset files and its subfolders. Folders are watched rather than files, since editors save by
 * renaming a new file over the old one; and looked over now and then, since network folders and containers' mounts
 * report nothing. Also notices when the folder itself comes into being.
 * @param onChange called once for changes that come together, after they have settled
 * @param settleMs how long nothing may change before that
 * @param lookMs how often to look the folder over
 */
export async function watchDatasets(
  directory: string,
  onChange: () => void,
  { settleMs = 150, lookMs = 5000 } = {},
): Promise<Watching> {
  let seen = await fingerprint(directory)
  let closed = false
  let settling: NodeJS.Timeout | undefined
  const watchers = new Map<string, FSWatcher>()

  const settle = () => {
    clearTimeout(settling)
    if (!closed) settling = setTimeout(() => void look(), settleMs)
  }
  const look = async () => {
    const now = await fingerprint(directory)
    if (closed) return
    watchFolders(watchers, [directory, ...foldersOf(now)], settle)
    if (now.text === seen.text) return
    seen = now
    onChange()
  }

  watchFolders(watchers, [directory, ...foldersOf(seen)], settle)
  const looking = setInterval(() => void look(), lookMs).unref()
  return {
    close() {
      closed = true
      clearTimeout(settling)
      clearInterval(looking)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}

interface Fingerprint {
  files: string[]
  text: string
}

/** Names, sizes, times and inodes of all files: differs when a file was saved, however that was done. */
async function fingerprint(directory: string): Promise<Fingerprint> {
  const files = await datasetFiles(directory).catch(() => [])
  const states = await Promise.all(
    files.map(async (file) => {
      const state = await stat(file, { bigint: true }).catch(() => null)
      return state === null ? file : `${file} ${state.size} ${state.mtimeNs} ${state.ino}`
    }),
  )
  return { files, text: states.join('\n') }
}

function foldersOf({ files }: Fingerprint): string[] {
  return files.map((file) => dirname(file))
}

/** A folder that can't be watched, or vanishes, is left to the regular look. */
function watchFolders(watchers: Map<string, FSWatcher>, folders: string[], onEvent: () => void): void {
  for (const folder of new Set(folders)) {
    if (watchers.has(folder)) continue
    try {
      const watcher = watch(folder, { persistent: false }, onEvent)
      watchers.set(folder, watcher)
      watcher.on('error', () => watchers.delete(folder))
      watcher.on('close', () => watchers.delete(folder))
    } catch {
      continue
    }
  }
}
