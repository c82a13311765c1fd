import { Migration } from '@mikro-orm/migrations'

const contents = [
  'id',
  'at',
  'actor_type',
  'actor_id',
  'actor_name',
  'actor_email',
  'actor_role',
  'action',
  'outcome',
  'entity_type',
  'entity_ids',
  'dataset',
  'request_id',
  'address',
  'metadata',
  'snapshot_id',
]

const columns = `
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  actor_type text NOT NULL,
  actor_id text,
  actor_name text NOT NULL,
  actor_email text,
  actor_role text NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  entity_type text NOT NULL,
  entity_ids text[] NOT NULL,
  dataset text,
  request_id text,
  address text,
  metadata text NOT NULL,
  snapshot_id uuid`

/** What people know an actor by: a person's address, a token's name. */
const actor = '(coalesce(actor_email, actor_name))'

/**
 * The audit log: a chain in which every entry carries the hash of the one before it.
 *
 * Entries are inserted into audit_pending; a deferred trigger numbers, hashes and moves them when their transaction
 * commits. Transactions take turns there and nowhere else, and none can deadlock over the chain with what it changes
 * besides. audit_pending is empty outside of transactions, so it need not survive a crash (UNLOGGED).
 */
export class Audit extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE audit_entries (seq bigint NOT NULL UNIQUE CHECK (seq > 0), ${columns},
      previous_hash text NOT NULL CHECK (previous_hash ~ '^[0-9a-f]{64}$'),
      hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'))`)
    this.addSql(`CREATE UNLOGGED TABLE audit_pending (${columns})`)
    this.#seal()
    this.#forbidChanges()
    this.#index()
  }

  /** The text that is hashed: see src/audit/verify-audit.ts, which states it, and scripts/verify-audit.ts. */
  #seal(): void {
    this
      .addSql(`CREATE FUNCTION audit_seal() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
      DECLARE
        last_seq bigint;
        last_hash text;
      BEGIN
        PERFORM pg_advisory_xact_lock(7230519);
        SELECT seq, hash INTO last_seq, last_hash FROM audit_entries ORDER BY seq DESC LIMIT 1;
        last_seq := coalesce(last_seq, 0);
        last_hash := coalesce(last_hash, repeat('0', 64));
        INSERT INTO audit_entries (seq, ${contents.join(', ')}, previous_hash, hash)
        VALUES (last_seq + 1, ${contents.map((name) => `NEW.${name}`).join(', ')}, last_hash,
          encode(sha256(convert_to(array_to_json(ARRAY[
            'holdfast-audit-1', (last_seq + 1)::text, last_hash, NEW.id::text,
            to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            NEW.actor_type, NEW.actor_id, NEW.actor_name, NEW.actor_email, NEW.actor_role,
            NEW.action, NEW.outcome, NEW.entity_type, array_to_json(NEW.entity_ids)::text, NEW.dataset,
            NEW.request_id, NEW.address, NEW.metadata, NEW.snapshot_id::text
          ])::text, 'UTF8')), 'hex'));
        DELETE FROM audit_pending WHERE id = NEW.id;
        RETURN NULL;
      END $$`)
    this.addSql(`CREATE CONSTRAINT TRIGGER audit_seal AFTER INSERT ON audit_pending
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_seal()`)
  }

  /** Privileges stop the owner itself; the trigger stops superusers too, who have every privilege. */
  #forbidChanges(): void {
    this.addSql(`CREATE FUNCTION audit_forbid() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'audit_entries is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$`)
    this.addSql(`CREATE TRIGGER audit_forbid BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
      FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid()`)
    this.addSql('ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_forbid')
    this.addSql('REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM PUBLIC, CURRENT_USER')
  }

  /**
   * Lists go newest first by (at, seq), whatever they are filtered by. Two filters together have an index of their own:
   * walking that of one and passing over what the other doesn't want takes seconds where the two never meet. Almost all
   * is done, so the rest has small indexes for each pair.
   */
  #index(): void {
    const orders = [
      '',
      `${actor}, `,
      'action, ',
      'dataset, ',
      `${actor}, action, `,
      `${actor}, dataset, `,
      'action, dataset, ',
    ]
    for (const first of orders) {
      const where = first.includes('dataset') ? 'WHERE dataset IS NOT NULL' : ''
      this.addSql(`CREATE INDEX ON audit_entries (${first}at, seq) ${where}`)
    }
    for (const first of ['', `${actor}, `, 'action, ', 'dataset, '])
      this.addSql(`CREATE INDEX ON audit_entries (outcome, ${first}at, seq) WHERE outcome <> 'done'`)
    this.addSql('CREATE INDEX ON audit_entries (actor_id) WHERE actor_id IS NOT NULL')
    // Who has the id has the name: told so, the planner doesn't think that both together are rare.
    this.addSql(`CREATE STATISTICS audit_actors (dependencies) ON actor_id, ${actor} FROM audit_entries`)
    this.addSql('CREATE INDEX ON audit_entries USING gin (entity_ids)')
    // The only things with more than a few entries are schedules: each of their runs names them too.
    this.addSql(`CREATE INDEX ON audit_entries (at, seq) WHERE entity_type = 'schedule'`)
    this.addSql('CREATE INDEX ON audit_entries (request_id) WHERE request_id IS NOT NULL')
  }
}
