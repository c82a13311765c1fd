import { defineProblems, type Problem } from '../platform/errors.ts'

/** What can be wrong with a snapshot, or with what is asked of one. */
export const snapshotProblems = defineProblems({
  SNAPSHOT_NOT_FOUND: {
    status: 404,
    title: 'There is no such snapshot',
    hint: 'GET /api/snapshots lists those there are. It may have been deleted; the audit log says when and by whom.',
  },
  SNAPSHOT_NOT_COMPLETED: {
    status: 409,
    title: 'The snapshot is not completed',
    hint: 'Only a completed snapshot has content. While it is queued or generating, wait for it (GET …/events); a failed one says why in `error`; of an expired one only the description is left.',
  },
  SNAPSHOT_CORRUPT: {
    status: 409,
    title: 'The stored snapshot is not what was written',
    hint: 'Its bytes in the store were changed, cut or swapped, so nothing is read from it. Take another one. If the store has an older version of the object, put that back and verify the snapshot again.',
  },
  SNAPSHOT_UNFINISHED: {
    status: 409,
    title: 'The snapshot is still being taken',
    hint: 'Wait until it is finished, or cancel it: POST /api/snapshots/:id/cancellation.',
  },
  SNAPSHOT_FINISHED: {
    status: 409,
    title: 'The snapshot is finished already',
    hint: 'There is nothing left to cancel. Delete it if it is not wanted.',
  },
  SNAPSHOT_CANCELLED: {
    status: 409,
    title: 'The snapshot was cancelled',
    hint: 'Nothing of it was kept. Take another one when it is wanted.',
  },
  SNAPSHOT_INTERRUPTED: {
    status: 503,
    title: 'The snapshot was interrupted too often',
    hint: 'The service stopped or crashed each time this snapshot was being taken. Look into its log, then take another one, of a smaller scope if memory or disk ran out.',
  },
  SNAPSHOT_HELD: {
    status: 409,
    title: 'The snapshot is on hold',
    hint: 'A hold keeps it from being removed by anyone. Lift it first: PATCH /api/snapshots/:id with { "hold": false }.',
  },
  SNAPSHOT_NEEDED: {
    status: 409,
    title: 'The snapshot is needed to undo a restore or a cleanup',
    hint: 'It holds what was overwritten or removed. Wait until its time to undo is over, or add ?force=true: it can then not be undone.',
  },
  ARTIFACT_INCOMPATIBLE: {
    status: 409,
    title: 'The snapshot does not fit the dataset any more',
    hint: 'The key of the records has changed since it was taken. Compare or restore with the dataset file of that time.',
  },
  SNAPSHOT_OPTIONS_INVALID: {
    status: 422,
    title: 'The snapshot cannot be taken like this',
    hint: 'Mend what `errors` lists.',
  },
  SCOPE_EMPTY: {
    status: 422,
    title: 'The scope names records that do not exist',
    hint: 'Check the keys in the detail; GET /api/datasets/:dataset/records lists what there is. Leave out those that are gone.',
  },
  BACKUP_FAILED: {
    status: 409,
    title: 'The snapshot could not be stored as it was taken',
    hint: 'What the store gave back differs from what was written to it, so the snapshot was given up. Check the disk or the bucket, then take another one.',
  },
})

/** The records that a scope names don't exist. @param detail which */
export function scopeEmpty(detail: string): Problem {
  return snapshotProblems.SCOPE_EMPTY(detail, { errors: [{ pointer: '/scope/keys', detail }] })
}
