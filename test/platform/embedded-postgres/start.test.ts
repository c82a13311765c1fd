import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { findPostmaster } from '../../../src/platform/embedded-postgres/postmaster.ts'
import { sql } from '../../support/postgres.ts'
import { newHome, start } from './home.ts'

t.test('a first start makes a safe, closed PostgreSQL 18 with two databases', async (t) => {
  const home = await newHome(t)
  const server = await start(home)
  t.equal(server.adopted, false)
  const [facts] = await sql(
    server.url('holdfast'),
    `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('fsync') AS fsync,
            current_setting('data_checksums') AS checksums, current_setting('listen_addresses') AS address,
            current_setting('timezone') AS timezone,
            rolsuper AS superuser, rolcreaterole OR rolcreatedb OR rolreplication AS powers
     FROM pg_roles WHERE rolname = current_user`,
  )
  t.strictSame(facts, {
    version: 18,
    fsync: 'on',
    checksums: 'on',
    address: '127.0.0.1',
    timezone: 'UTC',
    superuser: false,
    powers: false,
  })
  const databases = await sql(
    server.url('sample'),
    `SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
            datlocprovider::text AS provider, datlocale AS locale, datcollate AS collation
     FROM pg_database WHERE datname IN ('holdfast', 'sample') ORDER BY 1`,
  )
  const common = { owner: 'holdfast', encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', collation: 'C' }
  t.strictSame(databases, [
    { name: 'holdfast', ...common },
    { name: 'sample', ...common },
  ])
})

t.test('nobody but the role gets in, with its password and to its databases', async (t) => {
  const home = await newHome(t)
  const server = await start(home)
  const superuser = new URL(server.url('holdfast'))
  superuser.username = 'postgres'
  await t.rejects(sql(superuser.href, 'SELECT 1'), { code: '28000' })
  await t.rejects(sql(server.url('postgres'), 'SELECT 1'), { code: '28000' })
  const guess = new URL(server.url('holdfast'))
  guess.password = 'guess'
  await t.rejects(sql(guess.href, 'SELECT 1'), { code: '28P01' })
  t.equal((await stat(join(home, 'postgres/holdfast.password'))).mode & 0o777, 0o600)
})

t.test('data and port are the same after a second start, and nothing runs in between', async (t) => {
  const home = await newHome(t)
  const first = await start(home)
  await sql(first.url('holdfast'), 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()
  t.equal(await findPostmaster(join(home, 'postgres')), null)
  const second = await start(home)
  t.equal(second.adopted, false)
  t.equal(second.url('holdfast'), first.url('holdfast'))
  t.strictSame(await sql(second.url('holdfast'), 'SELECT answer FROM kept'), [{ answer: 42 }])
})

t.test('a port that somebody else took is left to them', async (t) => {
  const home = await newHome(t)
  const first = await start(home)
  const port = Number(new URL(first.url('holdfast')).port)
  await first.stop()
  const squatter = createServer().listen(port, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => squatter.close())
  const second = await start(home)
  t.not(Number(new URL(second.url('holdfast')).port), port)
  t.strictSame(await sql(second.url('holdfast'), 'SELECT 1 AS one'), [{ one: 1 }])
})
