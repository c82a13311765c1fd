/** What has gone into a file so far. */
export class Tally {
  /** Rows by table, in the order of `tableNodes`. */
  readonly rows: number[]
  bytes = 0

  constructor(tables: number) {
    this.rows = Array.from({ length: tables }, () => 0)
  }

  /** @param rows by table */
  add(rows: readonly number[]): void {
    for (const [table, count] of rows.entries()) this.addTo(table, count)
  }

  addTo(table: number, count: number): void {
    this.rows[table]! += count
  }
}
