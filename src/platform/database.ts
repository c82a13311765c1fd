import type { EventSubscriber } from '@mikro-orm/core'
import { MikroORM, type EntityManager, type Options } from '@mikro-orm/postgresql'
import { Migrator } from '@mikro-orm/migrations'
import pg from 'pg'
import { migrations } from '../../migrations/list.ts'
import { failpoint } from './failpoints.ts'

/** Any number will do as long as every version of the service uses the same one. */
const migrationLock = 7_230_518

/**
 * How long a transaction may stand still, in milliseconds, before PostgreSQL ends it: a replica that is stopped in the
 * midst of one would keep its locks from all others. The longest rest is the writing of a manifest to a store.
 */
const idleMs = 120_000

/**
 * Opens Holdfast's own database; migrates nothing.
 * @param url connection string
 * @param entities every feature's entities, listed explicitly in app.ts
 * @param hasFailpoints whether every commit is a place where the process may be made to die
 */
export async function openDatabase(
  url: string,
  entities: NonNullable<Options['entities']>,
  hasFailpoints = false,
): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: url,
    entities,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, snapshot: false, silent: true, tableName: 'migrations' },
    forceUtcTimezone: true,
    pool: { min: 0, max: 10 },
    driverOptions: { onPoolCreated: giveBackLost, idle_in_transaction_session_timeout: idleMs },
    discovery: { warnWhenNoEntities: false },
    propagationOnPrototype: false,
    ...(hasFailpoints && { subscribers: [commitFailpoints] }),
  })
}

const commitFailpoints: EventSubscriber = {
  async beforeTransactionCommit() {
    await failpoint('database.committing')
  },
  async afterTransactionCommit() {
    await failpoint('database.committed')
  },
}

/**
 * Takes back connections that end while they are checked out. Kysely gives a transaction's connection back only when the
 * rollback succeeds, which it can't on a lost one: each would stay out of the pool for good, and closing wait for it.
 */
function giveBackLost(pool: pg.Pool): void {
  // The pool sets `release` right after this event, and before anybody gets the connection.
  pool.on('acquire', (client) => {
    queueMicrotask(() => {
      const release = client.release.bind(client)
      const lost = () => setImmediate(() => client.release(true))
      let isOut = true
      client.release = (error) => {
        if (!isOut) return
        isOut = false
        client.off('end', lost)
        release(error)
      }
      client.once('end', lost)
    })
  })
}

/**
 * Brings the schema up to date. Safe when several replicas start at once: the migrator itself takes no lock, so a
 * session-level advisory lock makes the others wait.
 */
export async function migrate(orm: MikroORM, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast migrations' })
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock])
    await orm.migrator.up()
  } finally {
    await client.end()
  }
}

/** @throws when the schema is older than this version of the service, as after restoring a backup of our own database */
export async function requireMigrated(orm: MikroORM): Promise<void> {
  const pending = await orm.migrator.getPending()
  if (pending.length > 0) throw new Error(`pending migrations: ${pending.map(({ name }) => name).join(', ')}`)
}

export type { EntityManager, MikroORM }
