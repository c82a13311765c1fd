import fc from 'fast-check'
import t from 'tap'
import { quoteIdentifier, quoteLiteral, quoteTable } from '../../src/source/identifiers.ts'
import { sql, testDatabase } from '../support/postgres.ts'

t.test('quoted names and literals are read back as they were', async (t) => {
  const url = await testDatabase(t)
  const text = fc.string({ unit: fc.constantFrom(...`ab"'\\;-$é😀 \n%`), maxLength: 12 })
  const property = fc.asyncProperty(
    text.filter((name) => name !== ''),
    text,
    async (name, literal) => {
      const [row] = await sql(url, `SELECT ${quoteLiteral(literal)} AS ${quoteIdentifier(name)}`)
      return row !== undefined && Object.keys(row)[0] === name && row[name] === literal
    },
  )
  await t.resolves(fc.assert(property, { numRuns: 100 }))
  t.equal(quoteTable({ schema: 'a"b', name: 'C d' }), '"a""b"."C d"')
  t.throws(() => quoteIdentifier('a\0'))
  t.throws(() => quoteLiteral('\0'))
})
