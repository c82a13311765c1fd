import { getSystemErrorMessage } from 'node:util'
import { Problem } from '../platform/errors.ts'
import { storageProblems } from './errors.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const UNFIT_KEY = new Set(['ENAMETOOLONG', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EEXIST', 'ELOOP'])

/** Whether the file system says that there is nothing at a path, or that a file stands where a folder would be. */
export function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
}

/**
 * Says in the store's words what the file system refused.
 * @param location of the store
 * @returns STORE_FULL, STORE_KEY_INVALID for a key that this file system has no room for beside what is there, and
 *   STORE_UNREACHABLE for everything else: a failure of the disk must never read as an object that isn't there
 */
export function folderProblem(error: unknown, location: string): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  const reason = describe(error)
  if (FULL.has(code)) return storageProblems.STORE_FULL(`${location}: ${reason}`, { cause: error })
  if (UNFIT_KEY.has(code))
    return storageProblems.STORE_KEY_INVALID(`${location} cannot hold this key: ${reason}`, { cause: error })
  return storageProblems.STORE_UNREACHABLE(`${location}: ${reason}`, { cause: error })
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? ''
}

function describe(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException
  return errno === undefined ? message : `${code}, ${getSystemErrorMessage(errno)}`
}
