import { Migration } from '@mikro-orm/migrations'

export class Schedules extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE schedules (
        name text PRIMARY KEY,
        rule text,
        paused boolean NOT NULL,
        paused_reason text,
        first_seen_at timestamptz NOT NULL,
        recorded_until timestamptz NOT NULL
      )`)
    this.addSql(`
      CREATE TABLE schedule_runs (
        id uuid PRIMARY KEY,
        schedule text NOT NULL,
        trigger text NOT NULL CHECK (trigger IN ('scheduled', 'manual')),
        due_at timestamptz NOT NULL,
        status text NOT NULL
          CHECK (status IN ('queued', 'running', 'completed', 'failed', 'skipped', 'missed')),
        created_by text,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        attempts integer NOT NULL,
        counts jsonb NOT NULL,
        note text,
        caused jsonb NOT NULL DEFAULT '[]',
        error jsonb,
        CHECK ((status = 'failed') = (error IS NOT NULL)),
        CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL))
      )`)
    // An occurrence is claimed by its row, so it runs once, however many replicas see that it is due.
    this.addSql(`
      CREATE UNIQUE INDEX schedule_runs_occurrence ON schedule_runs (schedule, due_at)
       WHERE trigger = 'scheduled'`)
    // No schedule overlaps with itself.
    this.addSql(`
      CREATE UNIQUE INDEX schedule_runs_unfinished ON schedule_runs (schedule)
       WHERE status IN ('queued', 'running')`)
    this.addSql('CREATE INDEX schedule_runs_history ON schedule_runs (schedule, due_at DESC, id DESC)')
    this.addSql('CREATE INDEX schedule_runs_recent ON schedule_runs (due_at DESC, id DESC)')
  }
}
