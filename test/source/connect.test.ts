import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'
import { Problem } from '../../src/platform/errors.ts'
import { openSource } from '../../src/source/connect.ts'
import type { SourceOptions, SourcePool } from '../../src/source/connect.ts'
import { sql, testDatabase } from '../support/postgres.ts'

const secret = 'hunter2-is-secret'

async function sourceWith(
  t: Test,
  schema: string,
  options?: SourceOptions,
): Promise<{ source: SourcePool; url: string }> {
  const url = await testDatabase(t)
  await sql(url, schema)
  return { source: open(t, url, options), url }
}

function open(t: Test, url: string, options?: SourceOptions): SourcePool {
  const source = openSource('app', url, options)
  t.teardown(() => source.end())
  return source
}

/** The same database as another role, whose password is `secret`. */
function asRole(address: string, username: string): string {
  const url = new URL(address)
  url.username = username
  url.password = secret
  return url.href
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Problem)) throw error
  if (`${error.message} ${JSON.stringify(error)} ${error.stack}`.includes(secret))
    throw new Error('the password shows')
  return error
}

function running(source: SourcePool, statement: string): Promise<Problem> {
  return problemOf(source.withConnection((client) => client.query(statement)))
}

t.test('every session has the settings, and triggers can still have their own search path', async (t) => {
  const { source } = await sourceWith(t, 'SELECT 1')
  const settings = await source.withConnection((client) =>
    client.query(`SELECT current_setting('TimeZone') AS zone, current_setting('search_path') AS path,
      current_setting('row_security') AS rows, current_setting('application_name') AS name`),
  )
  t.same(settings.rows, [{ zone: 'UTC', path: 'pg_catalog', rows: 'off', name: 'holdfast' }])
  await source.withConnection(async (client) => {
    await client.query('BEGIN; SET LOCAL search_path TO DEFAULT')
    t.match((await client.query('SHOW search_path')).rows, [{ search_path: /public/ }])
    await client.query('ROLLBACK')
  })
})

t.test('a source that is not there is unreachable, with the reason and without the password', async (t) => {
  const { url } = await sourceWith(t, 'SELECT 1')
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const addresses: [string, RegExp][] = [
    [`postgres://postgres:${secret}@127.0.0.1:1/none`, /ECONNREFUSED/],
    [`postgres://postgres:${secret}@no-such-host.invalid/none`, /ENOTFOUND|EAI_AGAIN/],
    [`postgres://postgres:${secret}@127.0.0.1:${port}/none`, /timeout/],
    [asRole(url, 'no_such_role'), /"no_such_role"/],
    [url.replace(/t_\w+$/, 'no_such_database'), /database "no_such_database" does not exist/],
  ]
  for (const [address, reason] of addresses) {
    const problem = await running(open(t, address, { connectTimeout: 500 }), 'SELECT 1')
    t.match(problem, { code: 'SOURCE_UNREACHABLE', status: 503, message: reason })
  }
  for (const unreadable of [`not a url ${secret}`, `postgres://postgres:${secret}%E0%A4@127.0.0.1/none`]) {
    const problem = await problemOf(Promise.resolve().then(() => openSource('app', unreadable)))
    t.match(problem, { code: 'SOURCE_UNREACHABLE', message: /can't be read/ })
  }
})

t.test('what the server says is told by what can be done about it', async (t) => {
  const { source, url } = await sourceWith(
    t,
    `CREATE TABLE item (id int PRIMARY KEY CHECK (id > 0)); INSERT INTO item VALUES (1);
     CREATE SCHEMA closed; CREATE TABLE closed.item (id int);`,
  )
  const cases: [string, string, RegExp][] = [
    ['BEGIN READ ONLY; DELETE FROM public.item', 'SOURCE_READ_ONLY', /read-only/],
    ['SET statement_timeout = 20; SELECT pg_sleep(10)', 'SOURCE_TIMEOUT', /timeout/],
    ['SELECT * FROM public.gone', 'SOURCE_CHANGED', /public.gone/],
    ['SELECT gone FROM public.item', 'SOURCE_CHANGED', /gone/],
    ['INSERT INTO public.item VALUES (1)', 'SOURCE_REJECTED', /constraint "item_pkey", table "public.item"/],
    ['INSERT INTO public.item VALUES (-1)', 'SOURCE_REJECTED', /item_id_check/],
    [raising('P0001'), 'SOURCE_REJECTED', /as if/],
    [raising('53100'), 'SOURCE_FULL', /as if/],
    [raising('40001'), 'SOURCE_CONFLICT', /as if/],
    [raising('40P01'), 'SOURCE_CONFLICT', /as if/],
    [raising('XX001'), 'SOURCE_FAILED', /as if/],
    ['SELECT pg_terminate_backend(pg_backend_pid())', 'SOURCE_UNREACHABLE', /terminating/],
    ['SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)', 'SOURCE_CANCELLED', /user request/],
  ]
  for (const [statement, code, reason] of cases) {
    t.match(await running(source, statement), { code, message: reason }, statement)
  }
  await locked(t, source)
  await denied(t, url)
})

function raising(code: string): string {
  return `DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '${code}'; END $$`
}

async function locked(t: Test, source: SourcePool): Promise<void> {
  await source.withConnection(async (holder) => {
    await holder.query('BEGIN; SELECT * FROM public.item FOR UPDATE')
    t.match(await running(source, 'SELECT * FROM public.item FOR UPDATE NOWAIT'), { code: 'SOURCE_LOCKED' })
    t.match(await running(source, 'SET lock_timeout = 20; DELETE FROM public.item'), {
      code: 'SOURCE_LOCKED',
    })
    await holder.query('ROLLBACK')
  })
}

async function denied(t: Test, url: string): Promise<void> {
  const role = `nobody_${new URL(url).pathname.slice(3)}`
  await sql(
    url,
    `CREATE ROLE ${role} LOGIN PASSWORD '${secret}';
      CREATE ROLE ${role}_limited LOGIN PASSWORD '${secret}' CONNECTION LIMIT 1`,
  )
  t.teardown(() => sql(url, `DROP ROLE ${role}, ${role}_limited`))
  const source = open(t, asRole(url, role))
  const [table, schema] = [
    await running(source, 'SELECT * FROM public.item'),
    await running(source, 'SELECT * FROM closed.item'),
  ]
  t.match(table, { code: 'SOURCE_PERMISSION_MISSING', message: /GRANT SELECT ON item/ })
  t.match(schema, { code: 'SOURCE_PERMISSION_MISSING', message: /GRANT USAGE ON SCHEMA closed/ })
  const limited = open(t, asRole(url, `${role}_limited`))
  await limited.withConnection(async () => {
    t.match(await running(limited, 'SELECT 1'), { code: 'SOURCE_BUSY', message: /too many connections/ })
  })
}

t.test('a pool that is used up says so', async (t) => {
  const { source } = await sourceWith(t, 'SELECT 1', { max: 1, connectTimeout: 200 })
  await source.withConnection(async () => {
    t.match(await running(source, 'SELECT 1'), { code: 'SOURCE_BUSY', message: /in use/ })
  })
})

t.test('nothing is left behind for the next borrower', async (t) => {
  const { source } = await sourceWith(t, 'CREATE TABLE item (id int)', { max: 1 })
  const backend = () =>
    source.withConnection(
      async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number,
    )
  const first = await backend()
  t.equal(await backend(), first, 'a clean connection is used again')
  await source.withConnection((client) => client.query('BEGIN; INSERT INTO public.item VALUES (1)'))
  t.not(await backend(), first, 'one with an open transaction is not')
  const second = await backend()
  const bug = new TypeError('a bug of ours')
  await t.rejects(
    source.withConnection(() => Promise.reject(bug)),
    bug,
    'an error that is not of the source comes through as it is',
  )
  t.not(await backend(), second, 'after a failure a COPY may still be going: nor is that one')
})

t.test('what breaks elsewhere is not taken for the source', async (t) => {
  const { source } = await sourceWith(t, 'SELECT 1')
  const elsewhere = [
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9000'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    }),
    Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' }),
  ]
  for (const error of elsewhere)
    await t.rejects(
      source.withConnection(() => Promise.reject(error)),
      error,
    )
})

t.test('a connection that breaks while it is lent, between two statements, harms nobody', async (t) => {
  const { source, url } = await sourceWith(t, 'SELECT 1')
  const problem = await problemOf(
    source.withConnection(async (client) => {
      const broke = once(client as pg.Client, 'error')
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
      await sql(url, 'SELECT pg_terminate_backend($1)', [rows[0].pid])
      await broke
      await client.query('SELECT 1')
    }),
  )
  t.equal(problem.code, 'SOURCE_UNREACHABLE')
  t.ok(await source.withConnection((client) => client.query('SELECT 1')))
})
