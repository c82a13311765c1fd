import { Migration } from '@mikro-orm/migrations'

/** What was answered to requests with an idempotency key. Neither the key nor the answer can be read from it. */
export class Idempotency extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE idempotency_keys (
      id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
      body_digest text NOT NULL,
      attempt uuid NOT NULL,
      lease_until timestamptz NOT NULL,
      changed boolean NOT NULL,
      status integer,
      answer bytea,
      created_at timestamptz NOT NULL,
      CHECK ((status IS NULL) = (answer IS NULL)))`)
    this.addSql('CREATE INDEX ON idempotency_keys (created_at)')
  }
}
