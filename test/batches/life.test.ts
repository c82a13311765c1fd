import { fileURLToPath } from 'node:url'
import t from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { tidyBatches } from '../../src/batches/tidy-batches.ts'
import { testDatabase } from '../support/postgres.ts'
import { sampleTemplate } from '../support/templates.ts'
import { batchService, items } from './service.ts'

let now = new Date('2026-11-20T12:00:00Z')
const { call, app, sql } = await batchService(t, {
  clock: { now: () => now },
  environment: {
    HOLDFAST_SOURCE_APP_URL: await testDatabase(t, await sampleTemplate()),
    HOLDFAST_DATASETS: fileURLToPath(new URL('../../examples', import.meta.url)),
    NOTIFY_EMAIL: 'ops@example.com',
    SMTP_URL: 'smtp://127.0.0.1:1',
  },
})
const signal = new AbortController().signal

t.test('the end of a dataset’s batch is announced, each end once', async (t) => {
  const { body } = await call('POST', '/batches', {
    key: 'told',
    title: 'Generate',
    dataset: 'legacy-import',
    items: items(2),
  })
  await call('POST', `/batches/${body.id}/checkpoints`, {
    completed: ['item 1'],
    failed: [{ id: 'item 2', error: 'x' }],
  })
  const told = () => sql(`SELECT facts FROM notices WHERE event = 'batch_finished' ORDER BY id`)
  t.match(await told(), [{ facts: { batchId: body.id, title: 'Generate', completed: 1, failed: 1 } }])
  now = new Date(now.getTime() + 1000)
  await call('POST', `/batches/${body.id}/resumption`, { retryFailed: { error: 'x' } })
  t.match(await call('POST', `/batches/${body.id}/checkpoints`, { completed: ['item 2'] }), {
    body: { batch: { status: 'completed' } },
  })
  t.match(await told(), [{}, { facts: { completed: 2, failed: 0 } }])
  const { body: unknown } = await call('POST', '/batches', { key: 'untold', items: items(1) })
  await call('POST', `/batches/${unknown.id}/checkpoints`, { completed: ['item 1'] })
  t.equal((await told()).length, 2, 'what concerns no dataset is for whoever follows it')
  t.match(await call('POST', '/batches', { key: 'no', dataset: 'unheard-of' }), { status: 404 })
})

t.test('a week after its end the items go and the summary stays', async (t) => {
  const { body } = await call('POST', '/batches', { key: 'old', items: items(3) })
  await call('POST', `/batches/${body.id}/checkpoints`, { completed: ['item 1', 'item 2', 'item 3'] })
  const { body: open } = await call('POST', '/batches', { key: 'open', items: items(3) })
  const count = async (id: string) => (await sql(`SELECT 1 FROM batch_items WHERE batch_id = '${id}'`)).length
  now = new Date(now.getTime() + 6 * 86_400_000)
  await tidyBatches(app, { actor: systemActor }, signal)
  t.equal(await count(body.id), 3, 'not before')
  now = new Date(now.getTime() + 86_400_000)
  t.ok(
    (await app.schedules.get('batches.tidying').run({ cause: { actor: systemActor }, signal } as never))
      .counts!.batches! > 0,
  )
  t.equal(await count(body.id), 0)
  t.equal(await count(open.id), 3, 'what is not over stays, however old')
  t.match((await call('GET', `/batches/${body.id}`)).body, {
    status: 'completed',
    total: 3,
    completed: 3,
    itemsRemovedAt: now.toISOString(),
  })
  t.equal((await call('POST', '/batches', { key: 'old' })).status, 200, 'its key is taken for ever')
  t.match(await call('POST', `/batches/${body.id}/items`, { items: items(1, 9) }), {
    status: 410,
    body: { code: 'BATCH_TIDIED' },
  })
  t.match(await call('POST', `/batches/${body.id}/resumption`, { retryFailed: true }), { status: 410 })
})
