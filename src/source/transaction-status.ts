import pg from 'pg'
import type { SourcePool } from './connect.ts'

export type TransactionStatus = 'committed' | 'aborted' | 'unknown'

/**
 * Whether a transaction was committed, for certain: a session that a dead service left behind may hold it open, which is
 * ended first. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 * @param transaction as `pg_current_xact_id` gave it
 * @param backend the session that it was in, as `pg_backend_pid` gave it
 * @throws Problem SOURCE_…; then it is to be asked again later
 */
export async function transactionStatus(
  source: SourcePool,
  transaction: string,
  backend: number | null,
): Promise<TransactionStatus> {
  return source.withConnection(async (client) => {
    for (;;) {
      const status = await askStatus(client, transaction)
      if (status !== 'in progress') return status
      await client.query(
        `SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
          WHERE pid = $1 AND backend_xid = $2::xid8::xid`,
        [backend, transaction],
      )
    }
  })
}

/**
 * A transaction's number, to be recorded before it commits. What it wrote is in the server's log on disk by then: a crash
 * that left no trace of it would let the number be given out again, and whoever has it next may commit.
 * @param client the connection that the transaction is on
 * @throws Problem SOURCE_…
 */
export async function currentTransaction(
  source: SourcePool,
  client: pg.ClientBase,
): Promise<{ transaction: string; backend: number }> {
  const { rows } = await client.query<{ transaction: string; backend: number }>(
    'SELECT pg_catalog.pg_current_xact_id()::text AS transaction, pg_catalog.pg_backend_pid() AS backend',
  )
  await source.withConnection(flushLog)
  return rows[0]!
}

/** A commit puts all on disk that the server's log holds, whoever wrote it; one that has nothing to log would not. */
async function flushLog(client: pg.ClientBase): Promise<void> {
  await client.query(
    `BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_catalog.pg_logical_emit_message(true, 'holdfast', ''); COMMIT`,
  )
}

async function askStatus(
  client: pg.ClientBase,
  transaction: string,
): Promise<TransactionStatus | 'in progress'> {
  try {
    const { rows } = await client.query<{ status: TransactionStatus | 'in progress' | null }>(
      'SELECT pg_catalog.pg_xact_status($1::xid8) AS status',
      [transaction],
    )
    return rows[0]!.status ?? 'unknown'
  } catch (error) {
    // A number that this server has not reached yet: it is another server than the one that was written to.
    if (error instanceof pg.DatabaseError && error.code === '22023') return 'unknown'
    throw error
  }
}
