import { defineEntity, p } from '@mikro-orm/core'

/** How long an answer is kept. */
export const keptMs = 24 * 3_600_000

/** How long an attempt may be silent before it counts as dead. It shows every third of this that it is alive. */
export const leaseMs = 30_000

const IdempotencyKeySchema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  properties: {
    /** SHA-256 of who asked for what under which key. */
    id: p.string().primary(),
    /** HMAC of the body, under a key that is not stored. */
    bodyDigest: p.string(),
    /** Who works on it: a new id for each attempt. */
    attempt: p.uuid(),
    leaseUntil: p.datetime(),
    /** Whether the attempt committed a change: set within its own transaction. */
    changed: p.boolean(),
    /** Null until it is answered. */
    status: p.integer().nullable(),
    /** Sealed: see seal.ts. */
    answer: p.blob().nullable(),
    createdAt: p.datetime(),
  },
})

/**
 * A request with an idempotency key: running (its attempt shows signs of life), dead (it does not), or answered. A dead
 * one that changed nothing may be attempted again; of a dead one that changed something nobody knows how it ended.
 */
export class IdempotencyKey extends IdempotencyKeySchema.class {
  isAnswered(): boolean {
    return this.status !== null
  }

  isRunning(now: Date): boolean {
    return this.status === null && this.leaseUntil > now
  }
}
IdempotencyKeySchema.setClass(IdempotencyKey)
