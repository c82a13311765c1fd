import type { EntityName } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import { may, type Permission } from '../access/permissions.ts'
import type { Actor } from '../audit/actor.ts'
import { AuditEntry } from '../audit/audit-entry.ts'
import { Batch } from '../batches/batch.ts'
import { Cleanup } from '../cleanups/cleanup.ts'
import { Delivery } from '../deliveries/delivery.ts'
import { Export } from '../exports/export.ts'
import { Notice } from '../notifications/notice.ts'
import type { EntityManager } from '../platform/database.ts'
import { Restore } from '../restores/restore.ts'
import { Snapshot } from '../snapshots/snapshot.ts'

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** What has a page of its own at `path` and its id. */
const places: [path: string, permission: Permission, entity: EntityName<{ id: string }>][] = [
  ['/snapshots', 'snapshots:view', Snapshot],
  ['/exports', 'exports:view', Export],
  ['/restores', 'restores:view', Restore],
  ['/cleanups', 'cleanups:view', Cleanup],
  ['/batches', 'batches:view', Batch],
  ['/deliveries', 'deliveries:view', Delivery],
  ['/notifications', 'notifications:list', Notice],
  ['/audit', 'audit:list', AuditEntry],
]

/**
 * Finds the page of something by its id, of a snapshot also by its SHA-256, and of a dataset or a schedule by its name.
 * @returns null when there is none that the actor may ask for; the page itself decides whether it is shown
 */
export async function findById(app: FastifyInstance, actor: Actor, id: string): Promise<string | null> {
  const em = app.orm.em.fork()
  if (uuid.test(id)) return findEntity(em, actor, id)
  if (/^[\da-f]{64}$/i.test(id)) {
    const snapshot = await em.findOne(Snapshot, { sha256: id.toLowerCase() })
    return snapshot && `/snapshots/${snapshot.id}`
  }
  if (may(actor, 'datasets:view') && app.datasets.list().some(({ name }) => name === id))
    return `/datasets/${encodeURIComponent(id)}`
  const isSchedule = may(actor, 'schedules:list') && app.schedules.list().some(({ name }) => name === id)
  return isSchedule ? `/schedules/${encodeURIComponent(id)}` : null
}

async function findEntity(em: EntityManager, actor: Actor, id: string): Promise<string | null> {
  for (const [path, permission, entity] of places) {
    if (may(actor, permission) && (await em.count(entity, { id })) > 0) return `${path}/${id.toLowerCase()}`
  }
  return null
}
