import pg from 'pg'
import type { SourcePool } from './connect.ts'
import { sourceProblems } from './errors.ts'
import { quoteLiteral } from './identifiers.ts'

/**
 * One instant of a source, seen by any number of connections: the first exports its snapshot, the others take it on.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
 */
export interface SharedSnapshot {
  /** Lends a further connection that sees the same instant, in a read-only transaction. */
  withReader<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
}

/**
 * Runs `work` on one instant of the source, in a read-only transaction.
 */
export async function withSharedSnapshot<T>(
  source: SourcePool,
  work: (client: pg.PoolClient, snapshot: SharedSnapshot) => Promise<T>,
): Promise<T> {
  return source.withConnection((client) =>
    inSharedSnapshot(source, client, 'read only', (snapshot) => work(client, snapshot)),
  )
}

/**
 * The same over a connection at hand.
 * @param access `read only` refuses every write but those to temporary tables; with `read write` it is for `work` to
 *   commit: what it leaves open is rolled back
 */
export async function inSharedSnapshot<T>(
  source: SourcePool,
  client: pg.PoolClient,
  access: 'read only' | 'read write',
  work: (snapshot: SharedSnapshot) => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ, ${access.toUpperCase()}`)
  try {
    const { rows } = await client.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id')
    return await work({ withReader: (read) => readAt(source, rows[0]!.id, read) })
  } finally {
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK').catch(() => undefined)
  }
}

async function readAt<T>(
  source: SourcePool,
  id: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return source.withConnection(async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    await takeOn(source, client, id)
    try {
      return await work(client)
    } finally {
      await client.query('ROLLBACK').catch(() => undefined)
    }
  })
}

/**
 * An exported snapshot lasts as long as the transaction that exported it: when it is gone, so is that connection. The
 * server only says that it knows no such snapshot (42704; before PostgreSQL 17 22023 or 55000), which is not about the
 * source's tables.
 */
async function takeOn({ name }: SourcePool, client: pg.PoolClient, id: string): Promise<void> {
  try {
    await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(id)}`)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !goneStates.has(error.code ?? '')) throw error
    throw sourceProblems.SOURCE_UNREACHABLE(
      `source "${name}": the connection that held the instant was lost`,
      {
        cause: error,
        retryAfter: 5,
      },
    )
  }
}

const goneStates = new Set(['42704', '22023', '55000'])
