import fc from 'fast-check'
import type pg from 'pg'
import t from 'tap'
import type { Column, KeyOrder } from '../../src/source/catalog.ts'
import { openSource } from '../../src/source/connect.ts'
import type { SourcePool } from '../../src/source/connect.ts'
import { compareKeys, keyCondition, orderBy } from '../../src/source/keys.ts'
import type { KeyValue } from '../../src/source/keys.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { jsonExpression, toText } from '../../src/source/values.ts'
import { sql, testDatabase } from '../support/postgres.ts'

let source: SourcePool
let columns: Column[]

t.test('JavaScript and PostgreSQL put keys in the same order', async (t) => {
  const url = await testDatabase(t)
  await sql(
    url,
    `CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('b', 'a', 'é', 'B', '😀', '');
     CREATE DOMAIN code AS varchar(40);
     CREATE TABLE keys (t text, i8 int8, i4 int4, i2 int2, u uuid, f4 float4, f8 float8, n numeric, c citext, m mood, b boolean,
       ts timestamp, tz timestamptz, d date, bp char(6), ip inet, by bytea, co code, j jsonb, ch "char", iv interval, r int4range)`,
  )
  source = openSource('app', url)
  t.teardown(() => source.end())
  columns = (await source.withConnection(readCatalog)).tables.get('public.keys')?.columns ?? []

  const stamp = fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, -1))
  const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
  const text = fc.string({
    unit: fc.constantFrom(...'aAbzé~\u{1F600}\u{10FFFF}\uE000\uFFFD\u0001 "\\\n'),
    maxLength: 6,
  })
  const arbitraries: Record<string, fc.Arbitrary<string>> = {
    t: text,
    i8: fc.oneof(int8, fc.integer().map(String)),
    i4: fc.integer().map(String),
    i2: fc.integer({ min: -32768, max: 32767 }).map(String),
    u: fc.uuid(),
    f4: fc.float().map((x) => toText(x) ?? ''),
    f8: fc.double().map((x) => toText(x) ?? ''),
    n: fc.oneof(int8, fc.constantFrom('1.0', '1.00', 'NaN', '-Infinity', '0.5')),
    c: text,
    m: fc.constantFrom('b', 'a', 'é', 'B', '😀', ''),
    b: fc.constantFrom('t', 'f'),
    ts: fc.oneof(stamp, fc.constantFrom('infinity', '-infinity', '0044-03-15 BC')),
    tz: fc.oneof(stamp, fc.constantFrom('infinity', '-infinity', '294276-01-01')),
    d: stamp.map((s) => s.slice(0, 10)),
    bp: text,
    ip: fc.oneof(fc.ipV4(), fc.ipV6()),
    by: fc.uint8Array({ maxLength: 4 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
    co: text,
    j: fc.json(),
    ch: fc.constantFrom('a', 'B', '"', '\\', ''),
    iv: fc.constantFrom('1 day', '-1 day', '25:00', '1 year -1 mon'),
    r: fc.constantFrom('empty', '[1,2)', '(,5)', '[10,20)'),
  }
  for (const column of columns) {
    const values = fc.array(arbitraries[column.name] as fc.Arbitrary<string>, { minLength: 2, maxLength: 40 })
    const property = fc.asyncProperty(values, (list) =>
      inSameOrder(
        [column],
        list.map((value) => [value]),
      ),
    )
    await t.resolves(fc.assert(property, { numRuns: 25 }), `a key of type ${column.type}`)
  }

  const several = ['t', 'i8', 'u'].map((name) => columns.find((column) => column.name === name) as Column)
  const row = fc.tuple(fc.constantFrom('a', '😀', '\uFFFD'), fc.constantFrom('-9', '9', '10'), fc.uuid())
  const property = fc.asyncProperty(fc.array(row, { maxLength: 40 }), (rows) => inSameOrder(several, rows))
  await t.resolves(fc.assert(property, { numRuns: 25 }), 'a key of several columns')
})

/** Sorts in both worlds and throws at the first pair that JavaScript would have the other way round. */
async function inSameOrder(key: Column[], rows: string[][]): Promise<void> {
  const sorted = await source.withConnection((client) => sortedBySource(client, key, rows))
  const orders: KeyOrder[] = key.map((column) => column.keyOrder)
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1] as KeyValue[], sorted[i] as KeyValue[]]
    const same = JSON.stringify(before) === JSON.stringify(after)
    const difference = compareKeys(before, after, orders)
    const opposite = compareKeys(after, before, orders)
    const right = same ? difference === 0 : difference <= 0 && Math.sign(difference) === -Math.sign(opposite)
    if (!right)
      throw new Error(`${JSON.stringify(before)} against ${JSON.stringify(after)} gives ${difference}`)
    if (!same && difference === 0 && !orders.includes('float')) throw new Error(`${before} equals ${after}`)
  }
}

async function sortedBySource(client: pg.ClientBase, key: Column[], rows: string[][]): Promise<KeyValue[][]> {
  const names = key.map((column) => column.name)
  await client.query('TRUNCATE public.keys')
  const values = key.map((column, i) => `v${i}::${column.type}`)
  const lists = key.map((_, i) => `$${i + 1}::text[]`)
  const given = key.map((_, i) => `v${i}`)
  await client.query(
    `INSERT INTO public.keys (${names.join(', ')})
      SELECT ${values.join(', ')} FROM unnest(${lists.join(', ')}) AS given(${given.join(', ')})`,
    key.map((_, i) => rows.map((row) => row[i])),
  )
  const selected = key.map((column, i) => `${jsonExpression('k', column)} AS v${i}`).join(', ')
  const ordered = await client.query(
    `SELECT row_to_json(q)::text AS line FROM (SELECT ${selected} FROM public.keys k ORDER BY ${orderBy('k', key)}) q`,
  )
  return ordered.rows.map(({ line }) => Object.values(JSON.parse(line) as Record<string, KeyValue>))
}

t.test('keys select exactly their rows, whatever their type', async (t) => {
  const url = await testDatabase(t)
  await sql(
    url,
    `CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('a "b"', ''); CREATE DOMAIN code AS varchar(3);
     CREATE TYPE pair AS (a int, b text);
     CREATE TABLE rows (bp char(6), vc varchar(4), bi bit(5), nu numeric(6, 2), ch "char", co code, m mood, ts timestamptz(3),
       c citext, i8 int8, iv interval day to second(3), n name, l int[], p pair, ps pair[]);
     INSERT INTO rows VALUES ('ab', 'a\\"{', '10101', 1.5, '\\', 'x,y', 'a "b"', '2024-01-01 12:00:00.123', 'X', 9007199254740993,
       '1 day 00:00:01.5', 'n', '[2:3]={1,NULL}', ROW(1, 'a,\\"'), ARRAY[ROW(1, '}')::pair]), ('a', 'b', '10100', 1.51, 'b', 'x', '', '2024-01-01 12:00:00.124', 'y', 9007199254740992, '1 day', 'm', '{1}', ROW(1, NULL), '{}')`,
  )
  const pool = openSource('app', url)
  t.teardown(() => pool.end())
  const table = (await pool.withConnection(readCatalog)).tables.get('public.rows')
  for (const column of [
    ...(table?.columns ?? []).map((one) => [one]),
    table?.columns.slice(0, 3) ?? [],
    table?.columns.slice(-3) ?? [],
  ]) {
    const selected = column.map((one, i) => `${jsonExpression('k', one)} AS v${i}`).join(', ')
    const first = await sql(
      url,
      `SELECT row_to_json(q)::text AS line FROM (SELECT ${selected} FROM rows k LIMIT 1) q`,
    )
    const key = Object.values(JSON.parse(String(first[0]?.line)) as Record<string, KeyValue>)
    const found = await sql(url, `SELECT bp FROM rows k WHERE ${keyCondition('k', column, [key])}`)
    t.same(found, [{ bp: 'ab    ' }], column.map(({ type }) => type).join(', '))
  }
})
