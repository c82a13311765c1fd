import t from 'tap'
import { testDatabase, sql } from './postgres.ts'
t.test('x', async (t) => {
  const url = await testDatabase(t)
  t.equal((await sql(url, 'select 1 as a'))[0]?.a, 1)
})
