import { Migration } from '@mikro-orm/migrations'

/** The orders that the list of notices offers; see migrations/lists.ts. */
export class NoticeOrders extends Migration {
  override up(): void {
    this.addSql('DROP INDEX notices_by_status')
    for (const column of ['event', 'channel', 'status', 'attempts'])
      this.addSql(`CREATE INDEX notices_by_${column} ON notices (${column}, id)`)
  }
}
