import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'
import { batchProblems } from './errors.ts'
import type { Counts } from './counts.ts'
import type { Webhook } from './webhook.ts'

/** As stored. Whether anybody works on a running one is told by its leases: see present-batch.ts. */
export const storedStatuses = [
  'running',
  'paused',
  'cancelling',
  'completed',
  'completed_with_failures',
  'cancelled',
] as const
export type BatchStatus = (typeof storedStatuses)[number]

export const unfinished = ['running', 'paused', 'cancelling'] as const satisfies BatchStatus[]

export const ways = ['application', 'webhook', 'built-in'] as const

/** What a batch belongs to. */
export interface Origin {
  type: 'cleanup' | 'delivery' | 'request'
  id: string | null
}

const BatchSchema = defineEntity({
  name: 'Batch',
  tableName: 'batches',
  properties: {
    ...identity,
    /** The caller's own name for it: there is never a second batch with it. */
    key: p.text(),
    title: p.text().strictNullable(),
    way: p.enum(ways),
    /** Of a built-in one: what `app.batches.define` was called with. */
    handler: p.text().strictNullable(),
    webhook: p.json<Webhook>().strictNullable(),
    /** What the built-in handler needs to know besides the item. */
    context: p.json<Record<string, unknown>>(),
    dataset: p.text().strictNullable(),
    originType: p.text(),
    originId: p.text().strictNullable(),
    /** How often an item may fail before it has failed. */
    maxAttempts: p.integer(),
    /** After how many items Holdfast's own worker records what it did. */
    checkpointEvery: p.integer(),
    /** Of what it was created with, to tell a repetition from a mistake. */
    digest: p.text(),
    itemsDigest: p.text().strictNullable(),
    status: p.enum(storedStatuses),
    pausedReason: p.text().strictNullable(),
    /** As it last ended; what came since is in batch_counts. See counts.ts. */
    total: p.integer(),
    completed: p.integer(),
    failed: p.integer(),
    /** How many were settled at two moments of the last half minute, for the rate. */
    earlierAt: p.datetime().strictNullable(),
    earlierSettled: p.integer(),
    sampledAt: p.datetime().strictNullable(),
    sampledSettled: p.integer(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
    /** When an item was first claimed. */
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
    /** How often Holdfast's own worker began. Also the fence: only the latest may go on. */
    runs: p.integer(),
    itemsRemovedAt: p.datetime().strictNullable(),
  },
})

/** A resumable list of items with a checkpoint for each. */
export class Batch extends BatchSchema.class {
  isOver(): boolean {
    return this.finishedAt !== null
  }

  /** Whether Holdfast itself works on it. */
  isOurs(): boolean {
    return this.way !== 'application'
  }

  /** @returns false when it was paused already @throws Problem BATCH_OVER */
  pause(reason: string | null): boolean {
    if (this.status === 'paused') return false
    if (this.status !== 'running') throw batchProblems.BATCH_OVER(`Batch ${this.id} is ${this.status}.`)
    this.status = 'paused'
    this.pausedReason = reason
    return true
  }

  /** @returns false when there was nothing to resume @throws Problem BATCH_CANCELLED */
  resume(): boolean {
    this.requireNotCancelled()
    if (this.status !== 'paused') return false
    this.status = 'running'
    this.pausedReason = null
    this.forgetRate()
    return true
  }

  /** There is work again, in one that may have ended. */
  goOn(): void {
    if (this.finishedAt === null) return
    this.status = 'running'
    this.finishedAt = null
    this.forgetRate()
  }

  /** @throws Problem BATCH_CANCELLED, BATCH_TIDIED */
  requireItems(): void {
    this.requireNotCancelled()
    if (this.itemsRemovedAt !== null)
      throw batchProblems.BATCH_TIDIED(`The items of batch ${this.id} were removed.`)
  }

  private requireNotCancelled(): void {
    if (this.status === 'cancelling' || this.status === 'cancelled')
      throw batchProblems.BATCH_CANCELLED(`Batch ${this.id} was cancelled.`)
  }

  /** @param counts all that was done, which becomes the summary */
  finish(status: 'completed' | 'completed_with_failures' | 'cancelled', counts: Counts, now: Date): void {
    this.status = status
    this.total = counts.total
    this.completed = counts.completed
    this.failed = counts.failed
    this.pausedReason = null
    this.finishedAt = now
  }

  private forgetRate(): void {
    this.earlierAt = null
    this.sampledAt = null
  }
}
BatchSchema.setClass(Batch)
