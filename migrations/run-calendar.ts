import { Migration } from '@mikro-orm/migrations'

export class RunCalendar extends Migration {
  override up(): void {
    // The dashboard counts a year of runs, day by day, without reading the rows.
    this.addSql('CREATE INDEX schedule_runs_days ON schedule_runs (due_at, status)')
  }
}
