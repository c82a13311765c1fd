import { defineEntity, p } from '@mikro-orm/core'
import type { Copied } from './destination.ts'

const DeliveredFileSchema = defineEntity({
  name: 'DeliveredFile',
  tableName: 'delivered_files',
  properties: {
    deliveryId: p.uuid().primary(),
    /** At the destination; unique in a delivery. */
    path: p.text().primary(),
    itemId: p.text(),
    /** The original's key in the application's store. */
    source: p.text(),
    bytes: p.bigint('number'),
    sha256: p.text(),
    compared: p.enum(['sha256', 'quickXorHash', 'size'] satisfies Copied['compared'][]),
    url: p.text().strictNullable(),
    deliveredAt: p.datetime(),
  },
})

/** One line of a delivery's index: a file that is at the destination. */
export class DeliveredFile extends DeliveredFileSchema.class {}
DeliveredFileSchema.setClass(DeliveredFile)
