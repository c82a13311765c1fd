import { defineProblems } from '../platform/errors.ts'

export const auditProblems = defineProblems({
  AUDIT_ENTRY_NOT_FOUND: {
    status: 404,
    title: 'There is no such audit entry',
    hint: 'Check the id. Entries are never removed.',
  },
  AUDIT_CHECK_NOT_FOUND: {
    status: 404,
    title: 'There is no such check of the audit chain',
    hint: 'Checks are forgotten after 400 days. POST /api/audit/verifications starts a new one.',
  },
})
