import { access, constants, mkdir } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { locateBinaries } from './embedded-postgres/binaries.ts'
import { openCluster } from './embedded-postgres/cluster.ts'
import { databaseUser } from './embedded-postgres/database-user.ts'
import { takeInstanceLock } from './embedded-postgres/instance-lock.ts'
import { startPostmaster, stopPostmaster } from './embedded-postgres/postmaster.ts'
import { servicePurpose, type Purpose } from './embedded-postgres/settings.ts'
import { StartError } from './start-error.ts'

export interface EmbeddedPostgres {
  /** Connection string of a database on this server, for a role that owns it and is no superuser. */
  url(database: string): string
  /** True when the server was running already: an earlier process of ours died and left it behind. */
  adopted: boolean
  /** Shuts the server down in order; resolves when its process is gone. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** `HOLDFAST_HOME`, an absolute path: the data live in its folder `postgres`, or where a link of that name points. */
  home: string
  log: Pick<FastifyBaseLogger, 'info' | 'error'>
  /** What the server is for; the service's own database by default. */
  purpose?: Purpose
}

/**
 * Starts the PostgreSQL that npm brought along, with the databases `holdfast` and `sample`, making them on a first
 * start. One process at a time may use a home; a server that an earlier one left running is taken over.
 * @throws StartError in one line: home not writable or in use by another process, PostgreSQL refusing to start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { home, log, purpose = servicePurpose } = options
  await requireWritable(home)
  const user = await databaseUser(home)
  const binaries = await locateBinaries(user)
  const cluster = await openCluster({ home, user, binaries, purpose, log })
  const running = await startPostmaster(cluster)
  const lock = await takeInstanceLock(home, running.client, log)
  log.info(
    { port: running.port, directory: cluster.directory },
    running.adopted ? 'Took over the embedded PostgreSQL that was left running' : 'Embedded PostgreSQL is up',
  )
  return {
    url: (database) => cluster.url(running.port, database),
    adopted: running.adopted,
    // The lock goes with the server, so that nobody takes over one that is about to end.
    async stop() {
      lock.expectEnd()
      await stopPostmaster(cluster.directory)
      await lock.close()
    },
  }
}

/** Only root's home is open to passers-by: the server's user, who isn't root, has to get through. */
async function requireWritable(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    await access(home, constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StartError(`HOLDFAST_HOME can't be written: ${home} (${code})`, { cause: error })
  }
}
