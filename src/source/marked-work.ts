import type pg from 'pg'
import type { SourcePool } from './connect.ts'

/** Of the name of a piece of work, in the space that the application's own advisory locks are in too. */
const lockOf = `pg_catalog.hashtextextended('holdfast ' || $1, 0)`

/**
 * Marks the transaction at hand as that of a piece of work, until it ends, so that whoever takes the work over can find
 * it. A mark waits for nothing.
 */
export async function markWork(client: pg.ClientBase, work: string): Promise<void> {
  await client.query(`SELECT pg_catalog.pg_advisory_xact_lock_shared(${lockOf})`, [work])
}

/**
 * Ends the sessions that a piece of work is under way in: the process that began it may stand still, and its rows would
 * stay locked for as long. What it did is rolled back, unless it has been committed.
 * @throws Problem SOURCE_…; then it is to be tried again later
 */
export async function endMarkedWork(source: SourcePool, work: string): Promise<void> {
  await source.withConnection((client) =>
    client.query(
      `SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_locks, (SELECT ${lockOf} AS lock) AS wanted
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
          AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
          AND classid::bigint = (lock >> 32) & 4294967295 AND objid::bigint = lock & 4294967295`,
      [work],
    ),
  )
}
