import t from 'tap'
import { tolerates, tryShapes } from '../../torture/shapes.ts'

/** The long form takes 10,000 rows: `npm run torture -- shapes`. */
t.test('generated schemas and rows come back to the byte', async (t) => {
  const report = await tryShapes(t, { seed: 5, rows: 400, largeEvery: 6 })
  t.same(report.broken, [])
  t.ok(tolerates(report), `refused ${JSON.stringify([...report.refused])} of ${report.shapes}`)
  t.ok(report.hidden > 0, 'rows that row-level security hides were refused')
  t.ok(report.removed > 0, 'records were removed and brought back')
  t.comment(`${report.shapes} shapes, ${report.tables} tables, ${report.types.size} types`)
})
