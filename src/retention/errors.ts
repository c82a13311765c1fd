import { defineProblems } from '../platform/errors.ts'

export const retentionProblems = defineProblems({
  RETENTION_CHANGED: {
    status: 409,
    title: 'Something changed while it was decided what goes',
    hint: 'Nothing was removed. The next run of the schedule decides anew.',
  },
})
