import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'

/**
 * An entry on its way: the transaction that makes it also moves it into the chain, in the moment of its commit (the
 * trigger `audit_seal` of the migration). So nobody ever sees a row here, and the chain's lock is held for no longer than
 * a commit takes, wherever in its transaction a verb records what it did.
 */
export const PendingEntrySchema = defineEntity({
  name: 'PendingEntry',
  tableName: 'audit_pending',
  properties: {
    ...identity,
    at: p.datetime(),
    actorType: p.string(),
    actorId: p.string().nullable(),
    actorName: p.string(),
    actorEmail: p.string().nullable(),
    actorRole: p.string(),
    action: p.string(),
    outcome: p.string(),
    entityType: p.string(),
    entityIds: p.array(),
    dataset: p.string().nullable(),
    requestId: p.string().nullable(),
    address: p.string().nullable(),
    metadata: p.text(),
    snapshotId: p.uuid().nullable(),
  },
})

export class PendingEntry extends PendingEntrySchema.class {}
PendingEntrySchema.setClass(PendingEntry)
