import { Migration } from '@mikro-orm/migrations'

/** How many requests came from where in the present minute. Worth nothing after a crash, so not logged. */
export class RateLimits extends Migration {
  override up(): void {
    this.addSql(`CREATE UNLOGGED TABLE rate_limits (
      key text PRIMARY KEY,
      minute timestamptz NOT NULL,
      requests integer NOT NULL) WITH (fillfactor = 50)`)
  }
}
