import { defineProblems } from '../platform/errors.ts'

/** What can be wrong with an export, or with what is asked of one. */
export const exportProblems = defineProblems({
  EXPORT_NOT_FOUND: {
    status: 404,
    title: 'There is no such export',
    hint: 'GET /api/exports lists those there are. It may have been deleted; the audit log says when and by whom.',
  },
  EXPORT_NOT_COMPLETED: {
    status: 409,
    title: 'The export is not completed',
    hint: 'Only a completed export has content. While it is queued or generating, wait for it (GET …/events); a failed one says why in `error`; of an expired one only the description is left: make it anew.',
  },
  EXPORT_UNFINISHED: {
    status: 409,
    title: 'The export is still being made',
    hint: 'Wait until it is finished, or cancel it: POST /api/exports/:id/cancellation.',
  },
  EXPORT_FINISHED: {
    status: 409,
    title: 'The export is finished already',
    hint: 'There is nothing left to cancel. Delete it if it is not wanted.',
  },
  EXPORT_CANCELLED: {
    status: 409,
    title: 'The export was cancelled',
    hint: 'Nothing of it was kept. Make another one when it is wanted.',
  },
  EXPORT_INTERRUPTED: {
    status: 503,
    title: 'The export was interrupted too often',
    hint: 'The service stopped or crashed each time this export was being made. Look into its log, then make another one, of a smaller scope if memory or disk ran out.',
  },
  EXPORT_OPTIONS_INVALID: {
    status: 422,
    title: 'The export cannot be made like this',
    hint: 'Mend what `errors` lists. Which formats a dataset has stands in its file under `export`.',
  },
  EXPORT_MISCOUNTED: {
    status: 500,
    title: 'The export does not hold what the database counts',
    hint: 'The rows that were written are not those that the source counts in the same scope at the same instant, so the export was given up. Check the health of the database and its indexes (amcheck), then make it anew.',
  },
  EXPORT_STORED_WRONG: {
    status: 409,
    title: 'The export could not be stored as it was made',
    hint: 'What the store gave back differs from what was written to it, so the export was given up. Check the disk or the bucket, then make another one.',
  },
  EXPORT_TOO_LARGE: {
    status: 422,
    title: 'The export is too large for its format',
    hint: 'Nobody can open such a PDF. Narrow the scope, or take CSV or JSON, which have no limit.',
  },
})
