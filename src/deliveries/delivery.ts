import { defineEntity, p } from '@mikro-orm/core'
import type { Batch } from '../batches/batch.ts'
import type { Scope } from '../datasets/scope.ts'
import { parseDuration } from '../platform/durations.ts'
import { identity } from '../platform/entity.ts'
import { deliveryProblems } from './errors.ts'
import type { WantedDestination } from './wanted-destination.ts'

/** As stored. While its files are copied, the batch says more: see present-delivery.ts. */
export const storedStatuses = [
  'preparing',
  'delivering',
  'completed',
  'completed_with_failures',
  'cancelled',
  'failed',
] as const

const DeliverySchema = defineEntity({
  name: 'Delivery',
  tableName: 'deliveries',
  properties: {
    ...identity,
    /** Known from the start; the batch itself is there when the files have been listed. */
    batchId: p.uuid(),
    dataset: p.text(),
    scope: p.json<Scope>(),
    title: p.text().strictNullable(),
    destination: p.json<WantedDestination>(),
    /** The access token, enciphered; null when there is none, or none any more. */
    sealedToken: p.text().strictNullable(),
    status: p.enum(storedStatuses),
    gateSkipped: p.boolean(),
    snapshotId: p.uuid().strictNullable(),
    snapshotAt: p.datetime().strictNullable(),
    /** How long after the end the originals go. */
    cleanupAfter: p.text(),
    /** When the originals go: as it looks while files are copied, as it is planned after that; null: they don't. */
    cleanupScheduledAt: p.datetime().strictNullable(),
    cleanupId: p.uuid().strictNullable(),
    /** The last things have yet to be done; see conclude-delivery.ts. */
    conclusionDue: p.boolean(),
    /** What people should know, such as why no index went along. */
    notes: p.json<string[]>(),
    error: p.json<{ code: string; detail: string }>().strictNullable(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    finishedAt: p.datetime().strictNullable(),
  },
})

/** A scope's files on their way to a destination. */
export class Delivery extends DeliverySchema.class {
  /** Its files are listed, and its batch is there. */
  deliver(): void {
    this.status = 'delivering'
  }

  /** Nothing was copied. */
  fail(error: { code: string; detail: string }, now: Date): void {
    this.status = 'failed'
    this.error = error
    this.end(now)
  }

  /** Given up before its batch was there. */
  cancel(now: Date): void {
    this.status = 'cancelled'
    this.end(now)
  }

  /** The batch has ended. The originals go only when all of them were delivered. */
  finish({ status, total }: Batch, now: Date): void {
    this.status = status as 'completed' | 'completed_with_failures' | 'cancelled'
    if (status !== 'completed') return this.end(now)
    this.finishedAt = now
    this.cleanupScheduledAt = total === 0 ? null : this.cleanupAt(now)
    this.conclusionDue = true
  }

  /** Nothing is left to do. @param cleanup of the originals; null: there is nothing to remove */
  conclude(notes: string[], cleanup: { id: string; dueAt: Date } | null): void {
    this.cleanupId = cleanup?.id ?? null
    this.cleanupScheduledAt = cleanup?.dueAt ?? null
    this.conclusionDue = false
    this.sealedToken = null
    this.notes = notes
  }

  /** @throws Problem DELIVERY_WITHOUT_TOKEN */
  requireToken(): void {
    if (this.destination.type !== 'onedrive')
      throw deliveryProblems.DELIVERY_WITHOUT_TOKEN(
        `Delivery ${this.id} goes to a ${this.destination.type === 's3' ? 'bucket' : 'folder'}.`,
      )
  }

  cleanupAt(finishedAt: Date): Date {
    return new Date(finishedAt.getTime() + parseDuration(this.cleanupAfter))
  }

  private end(now: Date): void {
    this.finishedAt = now
    this.sealedToken = null
    this.cleanupScheduledAt = null
  }
}
DeliverySchema.setClass(Delivery)
