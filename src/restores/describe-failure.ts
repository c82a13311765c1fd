import { Problem } from '../platform/errors.ts'
import { sourceProblems } from '../source/errors.ts'
import { restoreProblems } from './errors.ts'
import type { RestoreError } from './restore.ts'

/** What went wrong, for the one who asked; what nobody expected is told to the log alone. */
export function describeFailure(error: unknown): RestoreError {
  if (!(error instanceof Problem))
    return {
      code: 'INTERNAL',
      detail: 'Something went wrong on our side and nothing was changed; the log has the details.',
    }
  const moved = error.particulars.extensions?.moved as RestoreError['moved']
  return { code: error.code, detail: error.message, ...(moved && { moved }) }
}

/** What the source's refusal of a write means for a restore. @returns the problem, or the error as it is */
export function meaningForRestore(error: unknown): unknown {
  if (!(error instanceof Problem)) return error
  if (error.code === codes.conflict)
    return restoreProblems.PLAN_DRIFTED(
      'Rows were changed while the restore was under way. Nothing was changed by it.',
      {
        cause: error,
      },
    )
  if (error.code === codes.rejected) return restoreProblems.RESTORE_CONFLICT(error.message, { cause: error })
  return error
}

const codes = {
  conflict: sourceProblems.SOURCE_CONFLICT('').code,
  rejected: sourceProblems.SOURCE_REJECTED('').code,
}
