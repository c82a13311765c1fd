import { defineEntity, p } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'
import type { AuditVerification, PublishedHead } from './verify-audit.ts'

const AuditCheckSchema = defineEntity({
  name: 'AuditCheck',
  tableName: 'audit_checks',
  properties: {
    ...identity,
    createdBy: p.text(),
    createdAt: p.datetime(),
    /** How many entries there were when it was asked for. */
    total: p.bigint('number'),
    checked: p.bigint('number'),
    finishedAt: p.datetime().strictNullable(),
    /** The head that the chain was compared with. */
    published: p.json<PublishedHead>().strictNullable(),
    result: p.json<AuditVerification>().strictNullable(),
  },
})

/** A verification of the whole chain that goes on by itself: millions of entries take minutes. */
export class AuditCheck extends AuditCheckSchema.class {
  finish(published: PublishedHead | null, result: AuditVerification, now: Date): void {
    this.published = published
    this.result = result
    this.checked = result.entries
    this.finishedAt = now
  }
}
AuditCheckSchema.setClass(AuditCheck)

/** The job that carries a check out. */
export const checkJob = 'audit.check'

/** What waits for a check listens to. */
export function topicOf(id: string): string {
  return `audit-check:${id}`
}
