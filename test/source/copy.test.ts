import { Readable } from 'node:stream'
import pg from 'pg'
import t from 'tap'
import { RowReader, splitFields, startsWithField } from '../../src/source/copy.ts'
import { RowBuffer } from '../../src/source/row-buffer.ts'
import { testDatabase } from '../support/postgres.ts'

/** A few long, many short, with nothing in some and what other forms would have to quote. */
const rows = `SELECT i::text, CASE WHEN i % 7 > 0 THEN repeat(e'ä"\\x01\\x02\\n\\\\,', i % 50) END,
    CASE WHEN i % 1000 = 0 THEN repeat('x', 700000 + i) ELSE '' END
  FROM generate_series(1, 5000) AS i`

const wanted = (i: number) => [
  String(i),
  i % 7 > 0 ? 'ä"\x01\x02\n\\,'.repeat(i % 50) : '',
  i % 1000 === 0 ? 'x'.repeat(700_000 + i) : '',
]

for (const [name, Reader] of Object.entries({ RowReader, RowBuffer })) {
  t.test(`${name} has every row as it is, however its bytes arrive`, async (t) => {
    const client = new pg.Client({ connectionString: await testDatabase(t) })
    await client.connect()
    t.teardown(() => client.end())
    for (const query of [rows, `${rows} WHERE i < 0`]) {
      const reader = new Reader(client, query)
      let i = 0
      let wrong = 0
      do {
        for (let row = reader.next(); row !== null; row = reader.next()) {
          const fields = splitFields(row, 3)
          if (JSON.stringify(fields.map(String)) !== JSON.stringify(wanted(++i))) wrong++
          if (!startsWithField(row, fields[0]!) || startsWithField(row, Buffer.from(`${i}0`))) wrong++
        }
      } while (await reader.fill())
      t.same({ i, wrong }, { i: query === rows ? 5000 : 0, wrong: 0 })
      t.equal(await reader.fill(), false)
    }
    t.same((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'the connection goes on')
  })
}

t.test('rows that end in the middle of one, or without saying that they do, are an error', async (t) => {
  const header = Buffer.alloc(19)
  const row = Buffer.from('\0\x01\0\0\0\x02ab', 'latin1')
  const trailer = Buffer.from([0xff, 0xff])
  const read = async (...sent: Buffer[]) => {
    const client = { query: () => Readable.from(sent) } as unknown as pg.ClientBase
    const reader = new RowReader(client, 'SELECT')
    const found: string[] = []
    while (await reader.fill())
      for (let row = reader.next(); row !== null; row = reader.next())
        found.push(splitFields(row, 1).toString())
    return found
  }
  t.same(await read(header, row, row, trailer), ['ab', 'ab'])
  t.same(await read(Buffer.concat([header, row, trailer.subarray(1)]), trailer.subarray(1)), ['ab'])
  const cut = Buffer.concat([header, row, row])
  for (const sent of [cut, cut.subarray(0, -1), cut.subarray(0, -7), header])
    await t.rejects(read(sent), /ended in the middle of a row/, `${sent.length} bytes`)
  await t.rejects(read(Buffer.concat([cut, trailer, row])), /ended in the middle of a row/)
})
