import { defineProblems } from '../platform/errors.ts'

/** What a gate refuses for. */
export const gateProblems = defineProblems({
  SNAPSHOT_REQUIRED: {
    status: 409,
    title: 'No snapshot covers the scope',
    hint: 'Take one with the call that `clearWith` holds, wait until it is completed (Prefer: wait=60), and repeat the request. `gate.missing` says what the nearest snapshot lacks.',
  },
  SNAPSHOT_STALE: {
    status: 409,
    title: 'The snapshot that covers the scope is too old',
    hint: 'Take a fresh one with the call that `clearWith` holds, wait until it is completed (Prefer: wait=60), and repeat the request. How old it may be is declared in the dataset file, under `gate`.',
  },
})
