import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import t from 'tap'
import type { Column } from '../../src/source/catalog.ts'
import { openSource } from '../../src/source/connect.ts'
import { quoteIdentifier } from '../../src/source/identifiers.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { jsonExpression, textExpression, toCopyText, toText } from '../../src/source/values.ts'
import type { Value } from '../../src/source/values.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { nastyValues, setup } from './nasty-values.ts'

interface Line {
  id: number
  v: Value
}

t.test('every value of every type comes back exactly', async (t) => {
  const url = await testDatabase(t)
  await sql(url, setup)
  const types = Object.entries(nastyValues)
  // A role and database with settings that make text output lossy, were they not overridden.
  await sql(
    url,
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -10', current_database());
       EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
       EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kathmandu''', current_database());
       EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''iso_8601''', current_database());
       EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database()); END $$`,
  )
  await sql(url, `CREATE TABLE nasty (id int)`)
  for (const [n, [type, values]] of types.entries()) {
    await sql(url, `SET datestyle = 'ISO, YMD'; CREATE TABLE t${n} (id int, v ${type})`)
    await sql(
      url,
      `SET datestyle = 'ISO, YMD'; INSERT INTO t${n} VALUES ${[...values, 'NULL'].map((value, id) => `(${id}, ${value})`).join(', ')}`,
    )
  }
  const source = openSource('app', url)
  t.teardown(() => source.end())
  const catalog = await source.withConnection(readCatalog)

  for (const [n, [type, values]] of types.entries()) {
    const table = catalog.tables.get(`public.t${n}`)
    const column = table?.columns[1]
    if (column === undefined) throw new Error(`no column of type ${type}`)
    await source.withConnection(async (client) => {
      t.equal(column.refusal, null, `${type} is not refused`)
      const lines = await capture(client, `t${n}`, column)
      t.equal(lines.length, values.length + 1, `${type}: one line for each row`)
      t.ok(
        lines.every(({ v }) => typeof v !== 'object' || v === null),
        `${type}: scalars only`,
      )
      await writeByCopy(client, `t${n}`, lines)
      await writeByParameters(client, `t${n}`, lines, column)
      for (const copy of [`t${n}_copied`, `t${n}_inserted`]) {
        t.same(await differing(client, `t${n}`, copy), [], `${type}: no difference in ${copy}`)
      }
      if (column.keyOrder === 'float') return
      const texts = lines.map(({ v }) => (v === null ? null : String(v)))
      t.same(
        await textForms(client, `t${n}`, column),
        texts,
        `${type}: the text expression is what the line says`,
      )
    })
  }
})

t.test('no built-in type is forgotten', async (t) => {
  const url = await testDatabase(t)
  const all = await sql(
    url,
    `SELECT format_type(oid, NULL) AS type, typname AS name FROM pg_type
      WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typinput <> 'array_in'::regproc`,
  )
  const tried = new Set(Object.keys(nastyValues).map((type) => type.replace(/\(.*\)$/, '')))
  const missing = all.filter(({ type, name }) => !tried.has(String(type)) && !tried.has(String(name)))
  await sql(url, `CREATE TABLE refused (${missing.map(({ type }, n) => `c${n} ${type}`).join(', ')})`)
  const source = openSource('app', url)
  t.teardown(() => source.end())
  const catalog = await source.withConnection(readCatalog)
  for (const column of catalog.tables.get('public.refused')?.columns ?? []) {
    if (/^(int|num|date|ts)\w*multirange$/.test(column.type)) t.equal(column.encoding, 'native', column.type)
    else t.type(column.refusal, 'string', `${column.type}: ${column.refusal}`)
  }
})

async function capture(client: pg.ClientBase, table: string, column: Column): Promise<Line[]> {
  const rows = `SELECT id, ${jsonExpression('r', column)} AS v FROM public.${table} r ORDER BY id`
  const copy = `COPY (SELECT pg_catalog.row_to_json(q) FROM (${rows}) q) TO STDOUT (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`
  const lines = await text(client.query(copyTo(copy)))
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

async function writeByCopy(client: pg.ClientBase, table: string, lines: Line[]): Promise<void> {
  await client.query(`CREATE TABLE public.${table}_copied (LIKE public.${table})`)
  const rows = lines.map(({ id, v }) => `${id}\t${toCopyText(v)}\n`)
  await pipeline(Readable.from(rows), client.query(copyFrom(`COPY public.${table}_copied FROM STDIN`)))
}

async function writeByParameters(
  client: pg.ClientBase,
  table: string,
  lines: Line[],
  column: Column,
): Promise<void> {
  await client.query(`CREATE TABLE public.${table}_inserted (LIKE public.${table})`)
  for (const { id, v } of lines) {
    await client.query(`INSERT INTO public.${table}_inserted VALUES ($1, $2::${column.type})`, [
      id,
      toText(v),
    ])
  }
}

/** By the binary form where the type has one, and by the printed form. */
async function differing(client: pg.ClientBase, table: string, copy: string): Promise<unknown[]> {
  const compare = (left: string, right: string) =>
    `SELECT a.id, pg_catalog.format('%s', a.v) AS was, pg_catalog.format('%s', b.v) AS became
       FROM public.${table} a FULL JOIN public.${copy} b USING (id) WHERE ${left} IS DISTINCT FROM ${right}`
  const rows = (await client.query(compare(printed('a'), printed('b')))).rows
  const sendable = await client.query(
    `SELECT typsend <> 0 AS yes FROM pg_type JOIN pg_attribute ON atttypid = pg_type.oid
      WHERE attrelid = $1::regclass AND attname = 'v'`,
    [`public.${quoteIdentifier(table)}`],
  )
  if (sendable.rows[0].yes !== true || table === lookalike) return rows
  const binary = await client.query(
    compare('pg_catalog.record_send(ROW(a.v))', 'pg_catalog.record_send(ROW(b.v))'),
  )
  return [...rows, ...binary.rows]
}

/** tsquery: `a <-> (b & c)` and what it prints are one query, stored in two shapes. */
const lookalike = `t${Object.keys(nastyValues).indexOf('tsquery')}`

function printed(row: string): string {
  return `(${row}.v IS DISTINCT FROM NULL, pg_catalog.format('%s', ${row}.v))`
}

async function textForms(client: pg.ClientBase, table: string, column: Column): Promise<unknown[]> {
  const forms = await client.query(
    `SELECT ${textExpression('r', column)} AS v FROM public.${table} r ORDER BY id`,
  )
  return forms.rows.map(({ v }) => v)
}
