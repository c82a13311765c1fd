import t from 'tap'
import { openSource } from '../../src/source/connect.ts'
import { withSharedSnapshot } from '../../src/source/shared-snapshot.ts'
import { sql, testDatabase } from '../support/postgres.ts'

t.test(
  'every connection sees the instant at which the first began, whatever is committed since',
  async (t) => {
    const url = await testDatabase(t)
    await sql(url, 'CREATE TABLE a AS SELECT 100 AS balance; CREATE TABLE b AS SELECT 0 AS balance')
    const source = openSource('app', url)
    t.teardown(() => source.end())
    await withSharedSnapshot(source, async (client, { withReader }) => {
      await sql(url, 'UPDATE a SET balance = 40; UPDATE b SET balance = 60')
      const text = 'SELECT (SELECT balance FROM public.a) AS a, (SELECT balance FROM public.b) AS b'
      t.same((await client.query(text)).rows, [{ a: 100, b: 0 }])
      for (let i = 0; i < 2; i++)
        t.same(await withReader(async (own) => (await own.query(text)).rows), [{ a: 100, b: 0 }])
    })
    t.same(await sql(url, 'SELECT balance FROM b'), [{ balance: 60 }])
  },
)
