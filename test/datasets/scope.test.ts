import fc from 'fast-check'
import t from 'tap'
import {
  dayOf,
  nextMonth,
  parseDate,
  parseMonth,
  printDate,
  startOfDay,
} from '../../src/datasets/calendar.ts'
import type { Dataset } from '../../src/datasets/definition.ts'
import { coversScope, describeScope } from '../../src/datasets/scope-coverage.ts'
import { scopeCondition, scopeLiteral } from '../../src/datasets/scope-condition.ts'
import { maxKeys, parseScope, periodOf, type Scope } from '../../src/datasets/scope.ts'
import { Problem } from '../../src/platform/errors.ts'
import { sql } from '../support/postgres.ts'
import { load, valid, worldOf } from './fixtures.ts'

const { catalog, source, url } = await worldOf(
  t,
  `CREATE TYPE mood AS ENUM ('good', 'bad');
   CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
   CREATE TABLE of_int8 (id bigint PRIMARY KEY, at timestamptz); CREATE TABLE of_int4 (id int PRIMARY KEY, at timestamp);
   CREATE TABLE of_text (id text PRIMARY KEY, at date); CREATE TABLE of_uuid (id uuid PRIMARY KEY);
   CREATE TABLE of_loose (id text COLLATE loose PRIMARY KEY); CREATE TABLE of_char (id char(4) PRIMARY KEY);
   CREATE TABLE of_mood (id mood PRIMARY KEY); CREATE TABLE of_date (id date PRIMARY KEY); CREATE TABLE of_bool (id bool PRIMARY KEY);
   CREATE TABLE of_several (a int, b text, c uuid, PRIMARY KEY (a, b, c));`,
)

function dataset(table: string, zone = 'UTC', dates = false): Dataset {
  const text = `dataset: x\ntimezone: ${zone}\nrecords:\n  table: public.${table}\n${dates ? '  dates: at\n' : ''}`
  return valid(load(text, catalog))
}

async function selected(of: Dataset, scope: Scope): Promise<unknown[]> {
  const condition = scopeCondition(of, scope)
  const from = `SELECT first.value #>> '{}' AS first FROM public.${of.root.table.name} t0,
    LATERAL (SELECT value FROM json_each(row_to_json(t0)) LIMIT 1) first`
  return source.withConnection(async (client) => {
    const rows = await client.query(`${from} WHERE ${condition?.sql ?? 'true'}`, condition?.values ?? [])
    const literal = await client.query(`${from} WHERE ${scopeLiteral(of, scope) ?? 'true'}`)
    t.same(literal.rows, rows.rows, 'parameters and literals select the same')
    return rows.rows.map(({ first }) => first)
  })
}

function errorsOf(input: unknown, of: Dataset): string[] {
  try {
    return [JSON.stringify(parseScope(input, of))]
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return [
      error.code,
      ...(error.particulars.errors ?? []).map(({ pointer, detail }) => `${pointer} ${detail}`),
    ]
  }
}

t.test('a scope says exactly one thing, rightly', async (t) => {
  const [ints, several, timed] = [
    dataset('of_int4'),
    dataset('of_several'),
    dataset('of_int8', 'Europe/Berlin', true),
  ]
  const uuid = '00000000-0000-0000-0000-00000000000A'
  const cases: [unknown, Dataset, RegExp[]][] = [
    [undefined, ints, [/^\{"all":true\}$/]],
    [{ all: true }, ints, [/all/]],
    [{ keys: [1, -2] }, ints, [/"keys":\[1,-2\]/]],
    [{ keys: [1, '9007199254740993'] }, timed, [/"keys":\["1","9007199254740993"\]/]],
    [{ keys: [[1, 'a', uuid]] }, several, [/\[1,"a","00000000-0000-0000-0000-00000000000a"\]/]],
    [{ month: '2026-10' }, timed, [/2026-10/]],
    [{ from: '2026-01-01', to: '2026-01-01T12:00:00+02:00' }, timed, [/from/]],
    [{ to: '2026-01-01' }, timed, [/to/]],
    [{}, ints, [/SCOPE_INVALID/, /exactly one/]],
    [{ all: true, keys: [1] }, ints, [/SCOPE_INVALID/, /exactly one/]],
    [{ all: false }, ints, [/SCOPE_INVALID/, /\/scope\/all/]],
    [{ keys: [] }, ints, [/SCOPE_INVALID/, /\/scope\/keys/]],
    [{ keys: [1, 'x', null, 1.5, 2 ** 31, true] }, ints, [/SCOPE_INVALID/, /\/scope\/keys\/2/]],
    [
      { keys: [1, 'x', 1.5, 2 ** 31, true, [1]] },
      ints,
      [
        /SCOPE/,
        /keys\/1 id must be a whole number/,
        /keys\/2/,
        /keys\/3 id must be from -2147483648 to 2147483647/,
        /keys\/4/,
        /keys\/5 must be one value/,
      ],
    ],
    [
      { keys: [2 ** 53, '9223372036854775808', '01', '--1'] },
      timed,
      [/SCOPE/, /keys\/0/, /keys\/1 id must be from/, /keys\/2/, /keys\/3/],
    ],
    [{ keys: [1, 2, 1] }, ints, [/SCOPE/, /keys\/2 is there twice, first at \/scope\/keys\/0/]],
    [
      { keys: [1, [1, 'a'], [1, 'a', 'b'], [1, 2, uuid], [1, 'a\0', uuid], [1, '\ud800', uuid]] },
      several,
      [
        /SCOPE/,
        /keys\/0 must be a list of 3 values: a, b, c/,
        /keys\/1/,
        /keys\/2 c must be a UUID/,
        /keys\/3 b must be text/,
        /keys\/4 b holds characters/,
        /keys\/5 b holds/,
      ],
    ],
    [
      { keys: Array.from({ length: maxKeys + 1 }, (_, i) => i) },
      ints,
      [/SCOPE/, /10001 keys; 10000 is the most/],
    ],
    [{ month: '2026-13' }, timed, [/SCOPE/, /scope\/month must be a month such as/]],
    [{ month: '2026-1' }, timed, [/SCOPE/, /month/]],
    [
      { from: '2026-02-30', to: 'tomorrow' },
      timed,
      [/SCOPE/, /scope\/from must be a day/, /scope\/to must be a day/],
    ],
    [{ from: '2026-02-01', to: '2026-02-01' }, timed, [/SCOPE/, /must be after from/]],
    [{ from: '2026-02-02', to: '2026-02-01' }, timed, [/SCOPE/, /must be after from/]],
    [{ month: '2026-10' }, ints, [/DATASET_WITHOUT_DATES/]],
    [{ sql: '1=1' }, ints, [/SCOPE/, /scope\/sql is not a known field/]],
    ['all', ints, [/SCOPE/]],
    [JSON.parse('{"__proto__": {"all": true}}'), ints, [/SCOPE/]],
  ]
  for (const [input, of, expected] of cases) {
    const errors = errorsOf(input, of)
    t.match(errors, expected, JSON.stringify(input)?.slice(0, 80))
  }
})

t.test('keys select their records and no others', async (t) => {
  await sql(url, `INSERT INTO of_int8 VALUES (1), (9007199254740993), (9007199254740992), (-5)`)
  t.same(await selected(dataset('of_int8'), { keys: ['9007199254740993', '-5', '77'] }), [
    '9007199254740993',
    '-5',
  ])
  await sql(
    url,
    String.raw`INSERT INTO of_text VALUES ('a'), ('A'), ('x''; DROP TABLE of_text; --'), ('{"\'), ('NULL'), (E'a\nb'), ('')`,
  )
  const nasty = ["x'; DROP TABLE of_text; --", '{"\\', 'NULL', 'a\nb', '']
  t.same((await selected(dataset('of_text'), { keys: nasty })).sort(), nasty.toSorted())
  await sql(url, `INSERT INTO of_loose VALUES ('Gaming'), ('Music')`)
  t.same(
    await selected(dataset('of_loose'), { keys: ['gaming'] }),
    [],
    'equal to a loose collation is not the same key',
  )
  t.same(await selected(dataset('of_loose'), { keys: ['Gaming'] }), ['Gaming'])
  await sql(url, `INSERT INTO of_char VALUES ('ab')`)
  t.same(
    await selected(dataset('of_char'), parseScope({ keys: ['ab'] }, dataset('of_char'))),
    ['ab  '],
    'char(n) is padded, as in the artifact',
  )
  await sql(
    url,
    `INSERT INTO of_mood VALUES ('good'), ('bad'); INSERT INTO of_date VALUES ('2026-01-01'), ('infinity')`,
  )
  t.same(
    await selected(dataset('of_mood'), { keys: ['bad', 'ugly'] }),
    ['bad'],
    'no error for a label that is none',
  )
  t.same(await selected(dataset('of_date'), { keys: ['2026-01-01', 'never'] }), ['2026-01-01'])
  await sql(url, `INSERT INTO of_bool VALUES (true), (false)`)
  t.same(await selected(dataset('of_bool'), { keys: [true] }), ['true'])
  await sql(
    url,
    `INSERT INTO of_several SELECT a, b, '00000000-0000-0000-0000-00000000000a' FROM generate_series(1, 3) a, unnest(ARRAY['x', 'y']) b`,
  )
  const several: Scope = {
    keys: [
      [1, 'x', '00000000-0000-0000-0000-00000000000a'],
      [2, 'y', '00000000-0000-0000-0000-00000000000b'],
      [3, 'y', '00000000-0000-0000-0000-00000000000a'],
    ],
  }
  t.same((await selected(dataset('of_several'), several)).sort(), ['1', '3'])
})

t.test('an index serves', async (t) => {
  await sql(
    url,
    `INSERT INTO of_int4 SELECT n, '2020-01-01'::timestamp + n * interval '1 hour' FROM generate_series(1, 60000) n;
    INSERT INTO of_several SELECT n, 'n' || n, gen_random_uuid() FROM generate_series(10, 50000) n; CREATE INDEX ON of_int4 (at); ANALYZE`,
  )
  const plan = async (of: Dataset, scope: Scope) => {
    const { sql: where, values } = scopeCondition(of, scope)!
    const rows = await sql(
      url,
      `EXPLAIN SELECT * FROM public.${of.root.table.name} t0 WHERE ${where}`,
      values,
    )
    return rows.map((row) => Object.values(row)[0]).join('\n')
  }
  const keys = Array.from({ length: 50 }, (_, i) => i * 7)
  t.match(await plan(dataset('of_int4'), { keys }), /Index (Only )?Scan|Bitmap Index Scan/)
  const several = keys.map((n) => [n, `n${n}`, '00000000-0000-0000-0000-00000000000a'])
  t.match(await plan(dataset('of_several'), { keys: several }), /Index (Only )?Scan|Bitmap Index Scan/)
  t.match(await plan(dataset('of_int4', 'UTC', true), { month: '2022-02' }), /of_int4_at_idx/)
})

t.test('months and days begin where the dataset is', async (t) => {
  const kuala = dataset('of_int8', 'Asia/Kuala_Lumpur', true)
  await sql(
    url,
    `TRUNCATE of_int8; INSERT INTO of_int8 VALUES (1, '2026-09-30 15:59:59.999999+00'), (2, '2026-09-30 16:00+00'),
    (3, '2026-10-31 15:59:59+00'), (4, '2026-10-31 16:00+00'), (5, NULL), (6, 'infinity'), (7, '-infinity')`,
  )
  t.same(await selected(kuala, { month: '2026-10' }), ['2', '3'])
  t.same(await selected(kuala, { from: '2026-10-01' }), ['2', '3', '4', '6'])
  t.same(await selected(kuala, { to: '2026-10-01' }), ['1', '7'])
  await sql(
    url,
    `TRUNCATE of_int4; INSERT INTO of_int4 VALUES (1, '2026-03-28 22:59:59'), (2, '2026-03-28 23:00'), (3, '2026-03-29 21:59:59'), (4, '2026-03-29 22:00')`,
  )
  t.same(
    await selected(dataset('of_int4', 'Europe/Berlin', true), { from: '2026-03-29', to: '2026-03-30' }),
    ['2', '3'],
    'a day of 23 hours; timestamps without zone are UTC',
  )
  await sql(
    url,
    `TRUNCATE of_text; INSERT INTO of_text VALUES ('a', '2026-01-31'), ('b', '2026-02-01'), ('c', '2026-02-28'), ('d', '2026-03-01')`,
  )
  t.same(await selected(dataset('of_text', 'America/New_York', true), { month: '2026-02' }), ['b', 'c'])
  t.same(
    await selected(dataset('of_text', 'America/New_York', true), {
      from: '2026-02-01T05:00:00.000Z',
      to: '2026-03-01T05:00:01Z',
    }),
    ['b', 'c', 'd'],
    'a date is the beginning of its day',
  )
})

t.test('the first and the last days there are', async (t) => {
  await sql(
    url,
    `TRUNCATE of_int8; INSERT INTO of_int8 VALUES (1, '0001-01-01'), (2, '9999-12-31'), (3, '0002-01-01 BC')`,
  )
  const tokyo = dataset('of_int8', 'Asia/Tokyo', true)
  t.same(await selected(tokyo, parseScope({ month: '9999-12' }, tokyo)), ['2'])
  t.same(await selected(tokyo, parseScope({ from: '0001-01-01', to: '0001-01-02' }, tokyo)), ['1'])
  const york = dataset('of_int8', 'America/New_York', true)
  t.same(await selected(york, parseScope({ from: '0001-01-01', to: '9999-12-31' }, york)), ['2'])
})

t.test('the calendar agrees with PostgreSQL in every zone', async (t) => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/Sao_Paulo',
    'Asia/Beirut',
    'Asia/Kathmandu',
    'Africa/Cairo',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'America/Havana',
    'Asia/Kuala_Lumpur',
  ]
  // From 1990 to 2024 both copies of the zones' rules hold the same history.
  const day = fc
    .date({ min: new Date('1990-01-01'), max: new Date('2024-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10))
  const property = fc.asyncProperty(
    fc.constantFrom(...zones),
    fc.array(day, { minLength: 20, maxLength: 50 }),
    async (zone, days) => {
      const rows = await sql(
        url,
        `SELECT day::text, extract(epoch FROM min(at))::float8 * 1000 AS start FROM unnest($2::date[]) day,
         generate_series(day - interval '26 hours', day + interval '26 hours', interval '15 minutes') utc, LATERAL (SELECT utc AT TIME ZONE 'UTC' AS at) x
        WHERE (at AT TIME ZONE $1)::date = day GROUP BY day`,
        [zone, days],
      )
      for (const { day, start } of rows) {
        const date = parseDate(String(day))!
        const mine = startOfDay(date, zone)
        if (mine.getTime() !== start)
          throw new Error(
            `${day} in ${zone}: ${mine.toISOString()} against ${new Date(Number(start)).toISOString()}`,
          )
        const back = dayOf(mine, zone)
        if (!back.isStart || printDate(back.date) !== day)
          throw new Error(`${day} in ${zone} doesn't come back`)
      }
    },
  )
  await t.resolves(fc.assert(property, { numRuns: 60 }))
  t.same(parseDate('2026-02-29'), null)
  t.same(parseDate('0000-01-01'), null)
  t.same(nextMonth(parseMonth('2026-12')!), { year: 2027, month: 1, day: 1 })
  t.equal(startOfDay(parseDate('0044-03-15')!, 'UTC').toISOString(), '0044-03-15T00:00:00.000Z')
})

t.test('coverage goes by what scopes declare', async (t) => {
  const zone = 'Asia/Kuala_Lumpur'
  const [all, keys, october]: [Scope, Scope, Scope] = [
    { all: true },
    { keys: ['a', 'b'] },
    { month: '2026-10' },
  ]
  const cases: [Scope, Scope, boolean][] = [
    [all, keys, true],
    [all, october, true],
    [all, all, true],
    [keys, { keys: ['b'] }, true],
    [keys, { keys: ['b', 'c'] }, false],
    [keys, all, false],
    [keys, october, false],
    [{ keys: [['a', 1]] }, { keys: [['a', 1]] }, true],
    [october, october, true],
    [october, all, false],
    [october, keys, false],
    [october, { from: '2026-10-01', to: '2026-11-01' }, true],
    [october, { from: '2026-09-30T16:00:00Z', to: '2026-10-31T16:00:00Z' }, true],
    [october, { from: '2026-09-30T15:59:59Z', to: '2026-10-31T16:00:00Z' }, false],
    [october, { from: '2026-10-05' }, false],
    [{ from: '2026-01-01', to: '2027-01-01' }, october, true],
    [{ from: '2026-10-02' }, october, false],
    [{ to: '2027-01-01' }, october, true],
    [{ from: '2026-01-01' }, { from: '2026-05-01' }, true],
  ]
  for (const [have, want, covered] of cases) {
    t.equal(
      coversScope(have, want, zone),
      covered,
      `${JSON.stringify(have)} ${covered ? 'covers' : 'does not cover'} ${JSON.stringify(want)}`,
    )
  }
  t.equal(periodOf(all, zone), null)
  t.same(
    [
      all,
      { keys: ['a'] },
      {
        keys: [
          ['a', 1],
          ['b', 2],
          ['c', 3],
          ['d', 4],
        ],
      },
      october,
      { from: '2026-01-01', to: '2026-02-01' },
      { to: '2026-02-01' },
    ].map((scope) => describeScope(scope as Scope)),
    [
      'all records',
      '1 record: a',
      '4 records: a / 1, b / 2, c / 3, …',
      'October 2026',
      'from 2026-01-01, before 2026-02-01',
      'before 2026-02-01',
    ],
  )
})
