import { Migration } from '@mikro-orm/migrations'

export class BatchErrors extends Migration {
  override up(): void {
    // Failed items by what they failed with: by its code, or where the reporter gave none, by how its text begins.
    // The expression is also in src/batches/item-queries.ts.
    this.addSql(`
      CREATE INDEX batch_items_by_error ON batch_items (batch_id, (left(CASE WHEN error ->> 'code' = 'FAILED'
        THEN error ->> 'detail' ELSE error ->> 'code' END, 200)), position) WHERE state = 'failed'`)
  }
}
