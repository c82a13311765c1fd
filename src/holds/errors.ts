import { defineProblems } from '../platform/errors.ts'

export const holdProblems = defineProblems({
  HOLD_NOT_FOUND: {
    status: 404,
    title: 'There is no such hold',
    hint: 'GET /api/holds lists those there are. It may have been lifted; the audit log says when and by whom.',
  },
  HOLD_OPTIONS_INVALID: {
    status: 422,
    title: 'The record cannot be held like this',
    hint: 'Mend what `errors` lists.',
  },
})
