import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import { StartError } from '../start-error.ts'
import { isAlive } from './whole-directory.ts'

/** Any number will do as long as every version of the service uses the same one. */
const lockKey = 7_230_517

export interface InstanceLock {
  /** From now on losing the connection is what we want. */
  expectEnd(): void
  close(): Promise<void>
}

/**
 * Sees to it that one process at a time uses a home. The lock is a connection's: it ends with its process however that
 * ends, and can't be left behind.
 * @param client its application name ends with our process id, which is how others learn who holds the lock
 * @throws StartError naming the process that uses the home
 */
export async function takeInstanceLock(
  home: string,
  client: pg.Client,
  log: Pick<FastifyBaseLogger, 'error'>,
): Promise<InstanceLock> {
  let ending = false
  client.on('error', (error) => {
    if (!ending) log.error({ err: error }, 'Lost the embedded PostgreSQL')
  })
  while (!(await tryLock(client))) {
    const holder = await findHolder(client)
    if (holder !== null && isAlive(holder)) {
      await client.end()
      throw new StartError(`HOLDFAST_HOME ${home} is already in use by process ${holder}`)
    }
    await delay(20) // Its holder has died, and the server is about to notice.
  }
  return {
    expectEnd: () => void (ending = true),
    close: () => client.end().catch(() => {}),
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    lockKey,
  ])
  return rows[0]!.locked
}

async function findHolder(client: pg.Client): Promise<number | null> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity JOIN pg_locks USING (pid)
     WHERE locktype = 'advisory' AND granted AND objid = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [lockKey],
  )
  const name = rows[0]?.name
  return name === undefined ? null : Number(name.split(' ')[1])
}
