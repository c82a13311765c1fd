import { defineEntity, p } from '@mikro-orm/core'
import type { KeyValue } from '../source/keys.ts'
import { identity } from '../platform/entity.ts'

const HoldSchema = defineEntity({
  name: 'Hold',
  tableName: 'holds',
  properties: {
    ...identity,
    dataset: p.text(),
    /** The record's key as a JSON list, as `keyText` writes it. */
    key: p.text(),
    reason: p.text(),
    /** Exclusive; null: until it is lifted. */
    until: p.datetime().strictNullable(),
    createdBy: p.text().strictNullable(),
    createdAt: p.datetime(),
  },
})

/** Keeps one record from being removed, whatever retention says. */
export class Hold extends HoldSchema.class {
  isActive(now: Date): boolean {
    return this.until === null || now < this.until
  }
}
HoldSchema.setClass(Hold)

/** The one way to write a record's key down, so that equal keys are equal text. */
export function keyText(key: readonly KeyValue[]): string {
  return JSON.stringify(key)
}
