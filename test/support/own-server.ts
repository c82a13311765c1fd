import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { findPostmaster } from '../../src/platform/embedded-postgres/postmaster.ts'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts'
import { sql } from './postgres.ts'

/** PostgreSQL's ways to stop that don't wait for anybody: with goodbye, and as if it had crashed. */
export const fast = 'SIGINT'
export const immediate = 'SIGQUIT'
export type Stop = typeof fast | typeof immediate

export type OwnServer = Awaited<ReturnType<typeof openServer>>

/**
 * A server of the source's own, which can be stopped and started again.
 * @param home of one that is there already; by default an empty one is made
 */
export async function openServer(t: Test, home?: string) {
  const at = home ?? (await newHome(t))
  const start = () =>
    startEmbeddedPostgres({
      home: at,
      log: { info() {}, error() {} },
      purpose: { superuser: true, databases: ['holdfast', 'app'], durable: true, maxConnections: 60 },
    })
  let server = await start()
  const directory = await realpath(join(at, 'postgres'))
  t.teardown(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const url = server.url('app')
  return {
    url,
    directory,
    /** For what may not be done in the source itself. */
    administration: server.url('holdfast'),
    async stop(how: Stop): Promise<void> {
      process.kill((await findPostmaster(directory))!.pid, how)
      while ((await findPostmaster(directory)) !== null) await delay(20)
    },
    async start(): Promise<void> {
      server = await start()
      if (server.url('app') !== url) throw new Error('the server came back at another port')
    },
  }
}

async function newHome(t: Test): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-source-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  await chmod(home, 0o711) // As root the server runs as another user.
  return home
}

/**
 * A hot standby of a server, which is stopped for the copy and started again.
 * https://www.postgresql.org/docs/18/warm-standby.html#STANDBY-SERVER-SETUP
 * @param settings the standby's own, as `postgresql.auto.conf` has them
 */
export async function openStandby(t: Test, primary: OwnServer, settings: string): Promise<OwnServer> {
  for (const setting of ['wal_level = replica', 'max_wal_senders = 4'])
    await sql(primary.administration, `ALTER SYSTEM SET ${setting}`)
  // What is copied has to have been written at that level already.
  await primary.stop(fast)
  await primary.start()
  await primary.stop(fast)
  const home = await newHome(t)
  const directory = join(home, 'postgres')
  await promisify(execFile)('cp', ['-a', primary.directory, directory])
  await writeFile(join(directory, 'standby.signal'), '')
  await appendFile(
    join(directory, 'postgresql.auto.conf'),
    `primary_conninfo = '${primary.administration}'\n${settings}\n`,
  )
  await primary.start()
  await appendFile(
    join(primary.directory, 'pg_hba.conf'),
    'host replication all 127.0.0.1/32 scram-sha-256\n',
  )
  await sql(primary.administration, 'SELECT pg_reload_conf()')
  return openServer(t, home)
}
