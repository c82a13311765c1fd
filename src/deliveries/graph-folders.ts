import { basename, dirname } from 'node:path/posix'
import { BatchPaused } from '../batches/batch-paused.ts'
import { reasonOf, type GraphClient } from './graph-client.ts'

/** Makes folders, each once, from the outermost in; one that is there already stays as it is. */
export interface Folders {
  /** @param path relative, `.` for the drive's root. @throws BatchPaused when no file could be put there */
  ensure(path: string, signal: AbortSignal): Promise<void>
}

/** https://learn.microsoft.com/graph/api/driveitem-post-children. @param drive such as `/me/drive` */
export function createFolders(graph: GraphClient, drive: string): Folders {
  const made = new Map<string, Promise<void>>()

  async function make(path: string, signal: AbortSignal): Promise<void> {
    const parent = dirname(path)
    await ensure(parent, signal)
    const above = parent === '.' ? '' : `:/${parent.split('/').map(encodeURIComponent).join('/')}:`
    const body = { name: basename(path), folder: {}, '@microsoft.graph.conflictBehavior': 'fail' }
    const answer = await graph.ask({ method: 'POST', url: `${drive}/root${above}/children`, body }, signal)
    if (![200, 201, 409].includes(answer.status))
      throw new BatchPaused(`OneDrive would not make the folder ${path}: it answered ${reasonOf(answer)}.`)
  }

  async function ensure(path: string, signal: AbortSignal): Promise<void> {
    if (path === '.') return
    const making = made.get(path) ?? make(path, signal)
    made.set(path, making)
    try {
      await making
    } catch (error) {
      made.delete(path)
      throw error
    }
  }

  return { ensure }
}
