import t from 'tap'
import { snapshotService, token } from '../snapshots/service.ts'
import { testApp } from '../support/app.ts'
import { bearer, browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const secrets = {
  TELEGRAM_BOT_TOKEN: '12345:telegram-secret',
  SMTP_URL: 'smtp://user:smtp-secret@127.0.0.1:2525',
  HOLDFAST_SECRET: 'a-secret-of-thirty-two-characters-or-more',
  HOLDFAST_WEBHOOK_SECRET: 'webhook-secret',
  GRAPH_API_URL: 'https://user:graph-secret@graph.example.com/v1.0',
  HOLDFAST_WEBHOOK_ALLOW: 'hooks.example.com:8443',
}
const service = await snapshotService(t, { environment: secrets })
const { app } = service

t.test('it says what the service stands on', async (t) => {
  const { status, body } = await service.call('GET', '/system')
  t.equal(status, 200)
  t.match(body, {
    version: app.config.version,
    node: process.versions.node,
    database: { version: /^\d+/, replicas: Number, pendingMigrations: [] },
    sources: [{ name: 'app', version: /^\d+/, problem: null }],
    stores: [{ name: 'main', kind: 'folder', problem: null, freeBytes: Number }],
    process: { pid: process.pid },
  })
  const queue = body['queue'] as { name: string; waiting: number; running: number; failed: number }[]
  t.ok(queue.some(({ name, failed }) => name.startsWith('snapshot') && failed === 0))
  const [own] = await sql(app.config.databaseUrl!, 'SELECT pg_database_size(current_database()) AS bytes')
  const { bytes } = body['database'] as { bytes: number }
  t.ok(Math.abs(bytes - Number(own!['bytes'])) < 10_000_000)
})

t.test('no secret is among the settings, as JSON and on the page', async (t) => {
  await person(app, 'ann', 'admin')
  const headers = { ...(await browse(app, 'ann')), accept: 'text/html' }
  const page = (await app.inject({ url: '/system', headers })).body
  t.match(page, 'HOLDFAST_WEBHOOK_ALLOW')
  const texts = [page, JSON.stringify((await service.call('GET', '/system')).body)]
  const hidden = [
    ...['telegram-secret', 'smtp-secret', 'graph-secret', 'webhook-secret', secrets.HOLDFAST_SECRET, token],
    new URL(service.source).password || 'no password',
  ]
  for (const text of texts) for (const secret of hidden) t.notMatch(text, secret)
  for (const text of texts) t.match(text, 'hooks.example.com:8443')
})

t.test('a store that is gone and a source that does not answer say so in their places', async (t) => {
  const other = await testApp(t, {
    environment: {
      ...service.environment,
      HOLDFAST_STORE_LOST_URL: 'file:/nowhere/at/all',
      HOLDFAST_SOURCE_GONE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    },
  })
  const { body, statusCode } = await other
    .inject({ url: '/api/system', headers: await bearer(other, 'operator') })
    .then((answer) => ({ body: answer.json(), statusCode: answer.statusCode }))
  t.equal(statusCode, 200)
  t.match(body.stores, [{ problem: null }, { name: 'lost', problem: /reach/, freeBytes: null }])
  t.match(
    body.sources.find(({ name }: { name: string }) => name === 'gone'),
    { version: null, problem: /reach/ },
  )
})

t.test('only whoever runs it may see it', async (t) => {
  for (const [role, status] of [
    ['operator', 200],
    ['viewer', 403],
    ['member', 403],
  ] as const) {
    const answer = await app.inject({ url: '/api/system', headers: await bearer(app, role) })
    t.equal(answer.statusCode, status, role)
  }
})
