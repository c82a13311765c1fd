import { defineEntity, p, Type } from '@mikro-orm/core'
import { identity } from '../platform/entity.ts'

/** A time as the chain hashes it: UTC, to the microsecond, `2026-11-20T19:06:19.123000Z`. A Date would lose half of it. */
export class Instant extends Type<string, string> {
  /** @param value as PostgreSQL prints it, in any zone: `2026-11-20 19:06:19.123+00`, `2026-11-21 00:36:19+05:30` */
  override convertToJSValue(value: string): string {
    const [, date, fraction = '', zone] = /^(\S+ [\d:]+)(?:\.(\d+))?([+-][\d:]+)$/.exec(value) ?? []
    if (date === undefined || zone === undefined) return value
    const seconds = Date.parse(`${date.replace(' ', 'T')}${zone.length === 3 ? `${zone}:00` : zone}`)
    return `${new Date(seconds).toISOString().slice(0, 19)}.${fraction.padEnd(6, '0')}Z`
  }

  override get runtimeType(): string {
    return 'string'
  }
}

const AuditEntrySchema = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_entries',
  properties: {
    ...identity,
    /** 1 for the first, without gaps. */
    seq: p.bigint('number'),
    at: p.type(Instant).$type<string>(),
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
    /** Canonical JSON (RFC 8785), exactly as it was hashed. */
    metadata: p.text(),
    snapshotId: p.uuid().nullable(),
    previousHash: p.string(),
    hash: p.string(),
  },
})

/** What happened, who did it: one link of the chain. Never written from here; see append-audit.ts. */
export class AuditEntry extends AuditEntrySchema.class {}
AuditEntrySchema.setClass(AuditEntry)
