import t from 'tap'
import { topicOf } from '../../src/audit/audit-check.ts'
import { testApp } from '../support/app.ts'
import { bearer } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const app = await testApp(t)
const headers = await bearer(app, 'viewer')
const start = (prefer: string) =>
  app.inject({ method: 'POST', url: '/api/audit/verifications', headers: { ...headers, prefer } })

t.test('the chain is verified in the background, by one check at a time', async (t) => {
  const done = await start('wait=20')
  t.equal(done.statusCode, 201)
  t.match(done.json(), {
    status: 'completed',
    createdBy: "the viewer's",
    verification: { ok: true, entries: 2, problem: null, published: null },
  })
  const [one, other] = await Promise.all([start('wait=0'), start('wait=0')])
  t.equal(one.json().id, other.json().id)
  const url = one.headers.location as string
  const events = await app.inject({ url: `${url}/events`, headers })
  t.match(events.body, /event: done\n[^]*"status":"completed"/)
  t.match((await app.inject({ url, headers })).json(), { verification: { ok: true, entries: 3 } })
  t.equal((await app.inject({ url: url.replace(/.{4}$/, '0000'), headers })).statusCode, 404)
  const asked = await sql(
    app.config.databaseUrl!,
    "SELECT count(*)::int AS times FROM audit_entries WHERE action = 'audit.verified'",
  )
  t.same(asked, [{ times: 2 }])
})

t.test('a check that its process left behind is taken up', async (t) => {
  const id = '01900000-0000-7000-8000-000000000001'
  await sql(
    app.config.databaseUrl!,
    "INSERT INTO audit_checks (id, created_by, created_at, total, checked) VALUES ($1, 'ann', now(), 3, 1)",
    [id],
  )
  const replica = await testApp(t, { databaseUrl: app.config.databaseUrl! })
  const look = async () => {
    const check = (await replica.inject({ url: `/api/audit/verifications/${id}`, headers })).json()
    return check.status === 'completed' ? check : null
  }
  t.match(await replica.signals.waitFor(topicOf(id), look, 20_000), { verification: { ok: true } })
})
