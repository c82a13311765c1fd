import { Migration } from '@mikro-orm/migrations'

export class Notices extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE notices (
        id uuid PRIMARY KEY,
        event text NOT NULL,
        dataset text,
        about_type text NOT NULL,
        about_id text NOT NULL,
        key text NOT NULL,
        channel text NOT NULL CHECK (channel IN ('telegram', 'email', 'webhook')),
        lane text NOT NULL,
        facts jsonb NOT NULL,
        status text NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
        attempts integer NOT NULL,
        next_attempt_at timestamptz NOT NULL,
        give_up_at timestamptz NOT NULL,
        sending_since timestamptz,
        maybe_repeated boolean NOT NULL,
        lane_paused_until timestamptz,
        attempted_at timestamptz,
        delivered_at timestamptz,
        answer text,
        error jsonb,
        created_at timestamptz NOT NULL,
        CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
        CHECK (status <> 'failed' OR error IS NOT NULL)
      )`)
    // What happened is told once on each channel.
    this.addSql('CREATE UNIQUE INDEX notices_once ON notices (about_type, about_id, event, key, channel)')
    this.addSql('CREATE INDEX notices_by_dataset ON notices (dataset, id DESC)')
    this.addSql('CREATE INDEX notices_by_status ON notices (status, id DESC)')
    this.addSql(
      `CREATE INDEX notices_pending ON notices (lane, next_attempt_at, id) WHERE status = 'pending'`,
    )
    this.addSql(
      'CREATE INDEX notices_pauses ON notices (lane, lane_paused_until) WHERE lane_paused_until IS NOT NULL',
    )
  }
}
