import t from 'tap'
import type { ApiDocument } from '../support/bad-requests.ts'
import { documented } from '../support/documented.ts'
import { malformedRun } from '../support/malformed-run.ts'
import { testApp } from '../support/app.ts'
import { bearer } from '../support/people.ts'

const app = await testApp(t)
await app.listen({ port: 0 })

t.test(
  'malformed requests to every operation: no 5xx, only documented answers, and the service lives',
  async (t) => {
    const credentials = [{}, await bearer(app, 'viewer'), await bearer(app, 'admin')]
    const { statuses, lagMs, grownBytes } = await malformedRun(app, {
      runs: 1500,
      seed: 20261121,
      credentials,
    })
    t.ok(
      [400, 401, 403, 404, 405, 415].every((status) => statuses.includes(status)),
      statuses.join(),
    )
    t.ok(lagMs < 2000, `the event loop was held up for at most ${lagMs} ms`)
    t.ok(grownBytes < 300_000_000, `memory grew by ${Math.round(grownBytes / 1e6)} MB`)
    t.equal((await app.inject('/readyz')).statusCode, 200)
  },
)

t.test('where bodies of several media types are taken, a wrong address is a refusal too', async (t) => {
  const headers = await bearer(app, 'admin')
  const answer = await app.inject({
    method: 'POST',
    url: '/api/batches/0/items',
    headers,
    payload: { items: 1 },
  })
  t.equal(answer.statusCode, 400)
  t.match(JSON.stringify(answer.json().errors), /path:id/)
})

t.test('an answer that is not documented is noticed', async (t) => {
  const { complaintOf } = documented((await app.inject('/openapi.json')).json<ApiDocument>())
  const { body } = await app.inject({ url: '/api/permissions', headers: await bearer(app, 'viewer') })
  const answer = { status: 200, type: 'application/json; charset=utf-8', body }
  t.equal(complaintOf('GET', '/api/permissions', answer), null)
  t.match(complaintOf('GET', '/api/permissions', { ...answer, status: 202 }), /202 is not documented/)
  t.match(complaintOf('GET', '/api/permissions', { ...answer, type: 'text/csv' }), /text\/csv/)
  t.match(complaintOf('GET', '/api/permissions', { ...answer, body: '{"permissions":1}' }), /must be array/)
  t.match(
    complaintOf('GET', '/api/permissions', { ...answer, status: 404, body: '{}' }),
    /must have required/,
  )
})
