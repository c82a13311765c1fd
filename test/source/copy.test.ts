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
