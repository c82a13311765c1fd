import type { MigrationObject } from '@mikro-orm/core'
import { Access } from './access.ts'
import { Audit } from './audit.ts'
import { AuditFilters } from './audit-filters.ts'
import { BatchErrors } from './batch-errors.ts'
import { AuditChecks } from './audit-checks.ts'
import { Batches } from './batches.ts'
import { Deliveries } from './deliveries.ts'
import { Exports } from './exports.ts'
import { Cleanups } from './cleanups.ts'
import { Idempotency } from './idempotency.ts'
import { Lists } from './lists.ts'
import { NoticeOrders } from './notice-orders.ts'
import { Notices } from './notices.ts'
import { RateLimits } from './rate-limits.ts'
import { Restores } from './restores.ts'
import { RunCalendar } from './run-calendar.ts'
import { Schedules } from './schedules.ts'
import { SnapshotExpiry } from './snapshot-expiry.ts'
import { Snapshots } from './snapshots.ts'

/** In the order they are applied. A released migration is never edited; a change is a new one at the end. */
export const migrations: MigrationObject[] = [
  { name: 'audit', class: Audit },
  { name: 'idempotency', class: Idempotency },
  { name: 'rate-limits', class: RateLimits },
  { name: 'access', class: Access },
  { name: 'snapshots', class: Snapshots },
  { name: 'restores', class: Restores },
  { name: 'batches', class: Batches },
  { name: 'notices', class: Notices },
  { name: 'schedules', class: Schedules },
  { name: 'exports', class: Exports },
  { name: 'snapshot-expiry', class: SnapshotExpiry },
  { name: 'deliveries', class: Deliveries },
  { name: 'cleanups', class: Cleanups },
  { name: 'lists', class: Lists },
  { name: 'batch-errors', class: BatchErrors },
  { name: 'audit-checks', class: AuditChecks },
  { name: 'run-calendar', class: RunCalendar },
  { name: 'notice-orders', class: NoticeOrders },
  { name: 'audit-filters', class: AuditFilters },
]
