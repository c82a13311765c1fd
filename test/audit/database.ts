import type { Test } from 'tap'
import { AuditEntry } from '../../src/audit/audit-entry.ts'
import { PendingEntry } from '../../src/audit/pending-entry.ts'
import { appendAudit, type AuditRecord } from '../../src/audit/append-audit.ts'
import { openDatabase, type EntityManager } from '../../src/platform/database.ts'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'

/** A migrated database with nothing but the audit log to look at. */
export async function auditDatabase(t: Test): Promise<{ url: string; em: EntityManager }> {
  const url = await testDatabase(t, await migratedTemplate())
  const orm = await openDatabase(url, [AuditEntry, PendingEntry])
  t.teardown(() => orm.close())
  return { url, em: orm.em.fork() }
}

export const ann = {
  type: 'user' as const,
  id: '01900000-0000-7000-8000-000000000001',
  name: 'Ann Example',
  email: 'ann@example.com',
  role: 'admin' as const,
}

export const record: AuditRecord = {
  actor: ann,
  action: 'snapshot.taken',
  entityType: 'snapshot',
  entityIds: ['a'],
  dataset: 'chat',
  requestId: 'r-1',
  address: '127.0.0.1',
  metadata: { count: 3 },
}

/** Appends one entry in a transaction of its own. */
export async function append(em: EntityManager, changes: Partial<AuditRecord> = {}): Promise<void> {
  await em.transactional((em) => appendAudit(em, { ...record, ...changes }))
}
