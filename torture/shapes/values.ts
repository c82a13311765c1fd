import { nastyValues, setup as nastyTypes } from '../../test/source/nasty-values.ts'

/** Types that columns are made of, beside the built-in ones; run once in a database, as a superuser. */
export const setup = `${nastyTypes}
  GRANT USAGE ON SCHEMA "Odd ""Schema" TO PUBLIC;
  CREATE TABLE nasty (id int);
  CREATE DOMAIN code AS text NOT NULL CHECK (VALUE <> '');
  CREATE DOMAIN number AS integer NOT NULL;
`

/** Every type that the product says comes back exactly, with the values that are hard to bring back. */
export const plainTypes = Object.keys(nastyValues)

/** Of those the ones that rows can't be listed by. */
export const unordered = new Set([
  ...[
    'json',
    'json[]',
    'jsonpath',
    'xml',
    'point',
    'line',
    'lseg',
    'box',
    'path',
    'polygon',
    'circle',
    'aclitem',
  ],
  ...[
    'xid',
    'cid',
    'refcursor',
    'pg_snapshot',
    'txid_snapshot',
    'citext',
    'hstore',
    'hstore[]',
    'ltree',
    'lquery',
  ],
  ...['ltxtquery', 'cube', 'seg', 'isbn', 'query_int'],
])

/** Types of unique columns whose values change hands although they can't be NULL. */
export const handedOn = [
  'int2',
  'int4',
  'int8',
  'text',
  'varchar(30)',
  'uuid',
  'date',
  'timestamp',
  'timestamptz',
  'bytea',
]

/** A value of an ordinary column, as SQL. @param pick any number */
export function plainValue(type: string, pick: number): string {
  const values = nastyValues[type]!
  return `CAST(${values[pick % values.length]!} AS ${type})`
}

/** Types that rows can be told apart by, each with a value for each number from 1 to 30,000, all different. */
export const keyTypes: Record<string, (n: number) => string> = {
  int2: (n) => `${n - 15_000}`,
  int4: (n) => `${n * 7 - 2_000_000}`,
  int8: (n) => `${n % 2 === 0 ? '' : '-'}${9_007_199_254_740_992n + BigInt(n)}`,
  number: (n) => `${n}`,
  numeric: (n) => `'1234567890123456789012345.${n}1'`,
  'numeric(24,4)': (n) => `'${n}.50'`,
  float8: (n) => `'${n}e-7'`,
  text: (n) => `E'${n % 3} \\U0001F600 "\\\\ \\n, \\t${n}'`,
  'varchar(30)': (n) => `'é ${n} ''x'`,
  'character(12)': (n) => `'c ${n}'`,
  name: (n) => `'name ${n}'`,
  citext: (n) => `'Mixed ${n}'`,
  code: (n) => `'{"${n}"}'`,
  uuid: (n) => `md5('${n}')::uuid`,
  date: (n) => `date '0044-03-15 BC' + ${n}`,
  timestamptz: (n) => `timestamptz '2024-03-31 01:59:59.999999+00' + ${n} * interval '1 microsecond'`,
  timestamp: (n) => `timestamp '0001-01-01 BC' + ${n} * interval '1 second'`,
  time: (n) => `time '00:00' + ${n} * interval '1 second'`,
  interval: (n) => `interval '-1 year 3 days' * ${n}`,
  bytea: (n) => `decode('00${n.toString(16).padStart(6, '0')}5c', 'hex')`,
  inet: (n) => `inet '10.0.0.1/24' + ${n}`,
  macaddr: (n) => `'08:00:2b:01:${hex(n >> 8)}:${hex(n & 255)}'`,
  varbit: (n) => `B'1' || ${n}::bit(16)`,
  money: (n) => `(${n} + 0.25)::numeric::money`,
  jsonb: (n) => `'{"k": [${n}, null, 1.10]}'`,
  'int4[]': (n) => `'[2:3]={${n},7}'`,
  'text[]': (n) => `ARRAY['${n}', NULL, '"']`,
  int4range: (n) => `int4range(${n}, ${n} + 1)`,
  point3: (n) => `ROW(${n}, '(,)"', 1.10)`,
  pg_lsn: (n) => `'1/${n.toString(16)}'`,
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

export function keyValue(type: string, n: number): string {
  return `CAST(${keyTypes[type]!(n)} AS ${type})`
}
