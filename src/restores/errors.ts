import { defineProblems } from '../platform/errors.ts'

export const restoreProblems = defineProblems({
  RESTORE_UNKNOWN: {
    status: 404,
    title: 'There is no such restore',
    hint: 'Check the id; GET /api/restores lists them.',
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
  RESTORE_BLOCKED: {
    status: 409,
    title: 'The plan cannot be applied as it is',
    hint: 'Mend what its blockers list: declare a rule for the reference in the dataset file, restore the missing rows first, or change the row that has the value or the place. Then plan again.',
  },
  RESTORE_CONFLICT: {
    status: 409,
    title: 'The source refused the changes',
    hint: 'Nothing was changed. A constraint of the application stands against it; the detail names it.',
  },
  RESTORE_NOT_PROVEN: {
    status: 409,
    title: 'The restore could not be proven and was taken back',
    hint: 'Nothing was changed. The detail says which rows did not come out as planned; a trigger, a rule or missing rights of the role are the usual reasons.',
  },
  RESTORE_INTERRUPTED: {
    status: 409,
    title: 'The restore was interrupted before it took effect',
    hint: 'Nothing was changed. Plan it again.',
  },
  RESTORE_OUTCOME_UNKNOWN: {
    status: 409,
    title: 'It cannot be told whether the restore took effect',
    hint: 'The source no longer knows the transaction. Compare the snapshot with the source (GET /api/snapshots/:id/changes) to see.',
  },
  RESTORE_NOT_PLANNED: {
    status: 409,
    title: 'The restore is not waiting to be applied',
    hint: 'Only a planned restore can be applied, once. Make a new plan.',
  },
  RESTORE_NOT_UNDOABLE: {
    status: 409,
    title: 'The restore cannot be undone',
    hint: 'Only a completed restore that changed something, whose safety snapshot is still there, can be undone.',
  },
  KEY_NOT_IN_SNAPSHOT: {
    status: 422,
    title: 'The snapshot does not hold these records',
    hint: 'GET /api/snapshots?key=… lists the snapshots that hold a record.',
  },
})
