import t from 'tap'
import { tolerates, tryShapes } from '../../torture/shapes.ts'

/** The long form takes 10,000 rows, and some more in bulk: `npm run torture -- shapes`. */
t.test('generated schemas and rows come back to the byte', async (t) => {
  const report = await tryShapes(t, { seed: 5, rows: 300, largeEvery: 3 })
  t.same(report.broken, [])
  t.ok(tolerates(report), `refused ${JSON.stringify([...report.refused])} of ${report.shapes}`)
  t.ok(report.hidden > 0, 'rows that row-level security hides were refused')
  t.ok(report.removed > 0, 'records were removed and brought back')
  for (const what of ['value of 10000000 bytes', 'mode replace', 'mode merge', 'mode missing'])
    t.ok(report.met.has(what), `restored: ${what}`)
  t.comment(`${report.shapes} shapes, ${report.tables} tables, ${report.types.size} types`)
  t.comment(`met ${JSON.stringify([...report.met])}`)
})
