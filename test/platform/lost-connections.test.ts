import t from 'tap'
import { testApp } from '../support/app.ts'

t.test('connections that are lost within transactions do not use up the pool', async (t) => {
  const app = await testApp(t)
  for (let i = 0; i < 25; i++) {
    const lost = app.orm.em.fork().transactional(async (em) => {
      await em.execute('SELECT pg_terminate_backend(pg_backend_pid())')
    })
    await t.rejects(lost)
  }
  t.same(await app.orm.em.fork().execute('SELECT 1 AS one'), [{ one: 1 }])
  await t.resolves(app.close(), 'and closing waits for none of them')
})

t.test('a transaction that stands still is not waited for longer than two minutes', async (t) => {
  const app = await testApp(t)
  const rows = await app.orm.em.fork().execute('SHOW idle_in_transaction_session_timeout')
  t.same(rows, [{ idle_in_transaction_session_timeout: '2min' }])
})
