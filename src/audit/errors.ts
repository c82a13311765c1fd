import { defineProblems } from '../platform/errors.ts'

export const auditProblems = defineProblems({
  AUDIT_ENTRY_NOT_FOUND: {
    status: 404,
    title: 'There is no such audit entry',
    hint: 'Check the id. Entries are never removed.',
  },
})
