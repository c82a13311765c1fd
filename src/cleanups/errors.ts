import { defineProblems } from '../platform/errors.ts'

export const cleanupProblems = defineProblems({
  CLEANUP_NOT_FOUND: {
    status: 404,
    title: 'There is no such cleanup',
    hint: 'Check the id; GET /api/cleanups lists them.',
  },
  CLEANUP_NOT_PENDING: {
    status: 409,
    title: 'The cleanup waits no longer',
    hint: 'It can be held, postponed, cancelled and confirmed until it runs. While it runs, POST …/cancellation stops it between two chunks; afterwards POST …/undo plans the way back.',
  },
  CLEANUP_HELD: {
    status: 409,
    title: 'The cleanup is on hold',
    hint: 'Lift the hold first: PATCH /api/cleanups/:id with { "hold": false }.',
  },
  CLEANUP_IN_GRACE: {
    status: 409,
    title: 'The time to object is not over',
    hint: 'A removal that was announced waits for its deadline, whoever asks. Until then it can be held, postponed or cancelled.',
  },
  CLEANUP_NOTICE_UNDELIVERED: {
    status: 409,
    title: 'Nobody was told yet',
    hint: 'Its notice has to be delivered first. GET /api/notifications shows what became of it.',
  },
  CLEANUP_OPTIONS_INVALID: {
    status: 422,
    title: 'The cleanup cannot be made like this',
    hint: 'Mend what `errors` lists.',
  },
  CLEANUP_EMPTY: {
    status: 422,
    title: 'There is nothing to remove',
    hint: 'The scope selects nothing that may be removed; the preview lists what is left alone and why.',
  },
  DATASET_WITHOUT_FILES: {
    status: 422,
    title: 'The dataset has no files',
    hint: 'Declare `files` in the dataset file: the store, and the column that names the objects.',
  },
  CLEANUP_NOT_PROVEN: {
    status: 409,
    title: 'It could not be proven that exactly the captured rows go',
    hint: 'Nothing of this chunk was removed. A trigger or rule of the application deletes more, or less, than what the snapshot holds; the detail names the table.',
  },
  CLEANUP_NOT_UNDOABLE: {
    status: 409,
    title: 'The cleanup cannot be undone',
    hint: 'Only what a cleanup of records removed can be brought back, as long as its snapshot is there.',
  },
  PLAN_DRIFTED: {
    status: 409,
    title: 'The data has moved since the plan was made',
    hint: 'Nothing was changed. Make the plan again, look at what is different, and send the new planHash.',
  },
  PLAN_REQUIRED: {
    status: 422,
    title: 'The plan hash is missing or not the one of this plan',
    hint: 'Send the planHash that the plan was shown with: it says that somebody has seen what will happen.',
  },
})
