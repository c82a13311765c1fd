import { setTimeout as rest } from 'node:timers/promises'
import t from 'tap'
import { Batch } from '../../src/batches/batch.ts'
import { presentBatch } from '../../src/batches/present-batch.ts'
import { batchService, items, type Body } from './service.ts'

let now = new Date('2026-11-20T12:00:00Z')
const later = (seconds: number) => (now = new Date(now.getTime() + seconds * 1000))
const { call, app, sql } = await batchService(t, { clock: { now: () => now } })

let made = 0
async function create(count: number, more: object = {}): Promise<string> {
  const { status, body } = await call('POST', '/batches', { key: `k${++made}`, items: items(count), ...more })
  t.equal(status, 201, body.detail)
  return body.id
}

const claim = async (id: string, worker: string, limit: number, leaseSeconds = 60) =>
  (await call('POST', `/batches/${id}/claims`, { worker, limit, leaseSeconds })).body
const checkpoint = async (id: string, body: object) =>
  (await call('POST', `/batches/${id}/checkpoints`, body)).body
const get = async (id: string) => (await call('GET', `/batches/${id}`)).body
const ids = ({ items }: Body) => items.map(({ id }: Body) => id)

t.test('one key, one batch', async (t) => {
  const wanted = { key: 'mine', title: 'A', items: items(3) }
  const [one, other] = await Promise.all([call('POST', '/batches', wanted), call('POST', '/batches', wanted)])
  t.same([one.status, other.status].sort(), [200, 201])
  t.equal(one.body.id, other.body.id)
  t.equal(one.raw.headers.location, `/api/batches/${one.body.id}`)
  t.match(one.body, {
    key: 'mine',
    title: 'A',
    handler: null,
    status: 'waiting',
    total: 3,
    completed: 0,
    failed: 0,
    pending: 3,
    progressPercentage: 0,
    rate: 0,
    etaSeconds: null,
  })
  t.equal((await call('POST', '/batches', { key: 'mine', title: 'A' })).status, 200, 'items may be left out')
  for (const other of [
    { ...wanted, title: 'B' },
    { ...wanted, items: items(4) },
    { ...wanted, maxAttempts: 3 },
  ])
    t.match(await call('POST', '/batches', other), { status: 409, body: { code: 'BATCH_KEY_REUSED' } })
  t.match(await call('POST', '/batches', { ...wanted, key: 'b', items: [{ id: 7 }] }), { status: 400 })
  t.match(await call('GET', '/batches/0199b0a0-0000-7000-8000-000000000000'), {
    status: 404,
    body: { code: 'BATCH_UNKNOWN' },
  })
})

t.test('workers share the items, in their order, and say what became of them', async (t) => {
  const id = await create(10)
  const a = await claim(id, 'a', 4)
  const b = await claim(id, 'b', 4)
  t.same(ids(a), ['item 1', 'item 2', 'item 3', 'item 4'])
  t.same(ids(b), ['item 5', 'item 6', 'item 7', 'item 8'])
  t.match(a, {
    lease: String,
    leaseExpiresAt: '2026-11-20T12:01:00.000Z',
    items: [{ payload: { value: 1 }, attempt: 1 }],
  })
  t.match(await get(id), { status: 'running', startedAt: now.toISOString() })
  const report = {
    lease: a.lease,
    completed: ['item 1', { id: 'item 2', result: { url: 'https://x' } }],
    failed: [
      { id: 'item 3', error: 'no voice' },
      { id: 'item 4', error: { code: 'QUOTA', detail: 'used up' } },
    ],
  }
  t.match(await checkpoint(id, report), {
    accepted: 4,
    repeated: 0,
    refused: [],
    batch: { completed: 2, failed: 2, pending: 6, progressPercentage: 20 },
  })
  t.match(await checkpoint(id, report), { accepted: 0, repeated: 4, refused: [] }, 'again is no error')
  const changed = await checkpoint(id, {
    lease: a.lease,
    completed: ['item 3'],
    failed: [{ id: 'item 1', error: 'x' }],
  })
  t.match(changed, {
    accepted: 0,
    refused: [
      { id: 'item 3', code: 'ITEM_SETTLED' },
      { id: 'item 1', code: 'ITEM_SETTLED' },
    ],
  })
  t.match(await checkpoint(id, { completed: ['item 99', 'item 5'], worker: 'b' }), {
    accepted: 1,
    refused: [{ id: 'item 99', code: 'ITEM_UNKNOWN' }],
  })
  t.match(await checkpoint(id, { completed: ['item 6'], worker: 'a' }), {
    accepted: 0,
    refused: [{ code: 'LEASE_LOST' }],
  })
  t.match(await checkpoint(id, { completed: ['item 6'], lease: a.lease }), {
    refused: [{ code: 'LEASE_LOST' }],
  })
  t.match(await checkpoint(id, { completed: ['item 6', 'item 7', 'item 8', 'item 8'] }), {
    accepted: 3,
    repeated: 1,
  })
  const { items: all } = (await call('GET', `/batches/${id}/items`)).body
  t.match(
    all.map(({ status }: Body) => status).join(' '),
    'completed completed failed failed completed completed completed completed pending pending',
  )
  t.match(all[1], {
    result: { url: 'https://x' },
    attempts: 1,
    failures: 0,
    error: null,
    settledAt: now.toISOString(),
  })
  t.match(all[2], { error: { code: 'FAILED', detail: 'no voice' } })
  const first = (await call('GET', `/batches/${id}/items?status=failed&limit=1`)).body
  t.same(ids(first), ['item 3'])
  const second = (await call('GET', `/batches/${id}/items?status=failed&limit=1&cursor=${first.nextCursor}`))
    .body
  t.same([ids(second), second.nextCursor], [['item 4'], null])

  const last = await claim(id, 'a', 100)
  t.match(await checkpoint(id, { lease: last.lease, completed: ids(last) }), {
    batch: { status: 'completed_with_failures', completed: 8, failed: 2, pending: 0, finishedAt: String },
  })
  t.match(await claim(id, 'a', 100), { lease: null, items: [], batch: { status: 'completed_with_failures' } })
  const { body: audited } = await call('GET', '/audit?limit=200')
  const actions = audited.items
    .filter(({ entityIds }: Body) => entityIds[0] === id)
    .map(({ action }: Body) => action)
  t.same(actions, ['batch.finished', 'batch.created'])
})

t.test('a lease that ran out goes to the next, and whoever lost it is refused', async (t) => {
  const id = await create(3)
  const a = await claim(id, 'a', 2, 10)
  later(9)
  t.same(ids(await claim(id, 'b', 3, 60)), ['item 3'])
  later(2)
  t.match(await get(id), { status: 'running' }, 'b works on it')
  const c = await claim(id, 'c', 3, 60)
  t.same(ids(c), ['item 1', 'item 2'])
  t.equal(c.items[0].attempt, 2)
  t.match(
    await checkpoint(id, { lease: a.lease, completed: ['item 1'], failed: [{ id: 'item 2', error: 'x' }] }),
    {
      accepted: 0,
      refused: [
        { id: 'item 1', code: 'LEASE_LOST' },
        { id: 'item 2', code: 'LEASE_LOST' },
      ],
    },
  )
  t.match(await checkpoint(id, { worker: 'a', completed: ['item 1'] }), {
    accepted: 0,
    refused: [{ code: 'LEASE_LOST' }],
  })
  t.match(await checkpoint(id, { lease: c.lease, completed: ['item 1', 'item 2'] }), { accepted: 2 })
  t.match(await checkpoint(id, { lease: a.lease, completed: ['item 1'] }), {
    refused: [{ code: 'LEASE_LOST' }],
  })
  t.match(await call('POST', `/batches/${id}/renewals`, { lease: a.lease, leaseSeconds: 10 }), {
    status: 409,
    body: { code: 'LEASE_LOST' },
  })
})

t.test('one that ends while it is read is not said to wait for a worker', async (t) => {
  const id = await create(2)
  const { lease } = await claim(id, 'a', 2)
  const read = await app.orm.em.fork().findOneOrFail(Batch, { id })
  await checkpoint(id, { lease, completed: ['item 1', 'item 2'] })
  t.match(await presentBatch(app, read), { status: 'running', completed: 2, pending: 0, finishedAt: null })
  const given = await create(2)
  await claim(given, 'a', 2)
  const readToo = await app.orm.em.fork().findOneOrFail(Batch, { id: given })
  await call('POST', `/batches/${given}/cancellation`)
  t.match(await presentBatch(app, readToo), { status: 'running', pending: 2, finishedAt: null })
})

t.test('a late report that nobody was waiting for still counts', async (t) => {
  const id = await create(2)
  const a = await claim(id, 'a', 2, 10)
  later(60)
  t.match(await get(id), { status: 'waiting' }, 'nobody works on it')
  t.match(await checkpoint(id, { lease: a.lease, completed: ['item 1', 'item 2'] }), {
    accepted: 2,
    batch: { status: 'completed' },
  })
})

t.test('renewed, a lease lasts; released, items go to others at once', async (t) => {
  const id = await create(4)
  const a = await claim(id, 'a', 4, 10)
  later(9)
  const renewed = await call('POST', `/batches/${id}/renewals`, { lease: a.lease, leaseSeconds: 30 })
  t.match(renewed, {
    status: 200,
    body: { leaseExpiresAt: new Date(now.getTime() + 30_000).toISOString(), batch: { status: 'running' } },
  })
  later(20)
  t.match(await claim(id, 'b', 4), { lease: null, items: [] })
  const release = (body: object) => call('POST', `/batches/${id}/releases`, { lease: a.lease, ...body })
  t.same((await release({ items: ['item 4', 'item 9'] })).body.released, ['item 4'])
  const b = await claim(id, 'b', 4)
  t.same(b.items, [{ id: 'item 4', payload: { value: 4 }, attempt: 1 }], 'as if it had never been claimed')
  t.same((await release({})).body.released.length, 3)
  t.same((await release({})).body.released, [], 'again is no error')
  t.same(ids(await claim(id, 'b', 4)), ['item 1', 'item 2', 'item 3'])
})

t.test('an item fails as often as it may before it has failed', async (t) => {
  const id = await create(2, { maxAttempts: 2 })
  const fail = { failed: [{ id: 'item 1', error: 'one' }] }
  const a = await claim(id, 'a', 1)
  t.match(await checkpoint(id, { lease: a.lease, ...fail }), {
    accepted: 1,
    batch: { failed: 0, pending: 2 },
  })
  t.match(
    await checkpoint(id, { lease: a.lease, ...fail }),
    { accepted: 0, repeated: 1 },
    'the same failure again',
  )
  t.match(await checkpoint(id, fail), { accepted: 0, repeated: 1 })
  const b = await claim(id, 'a', 2)
  t.match(b.items, [
    { id: 'item 1', attempt: 2 },
    { id: 'item 2', attempt: 1 },
  ])
  t.match(await checkpoint(id, { lease: b.lease, ...fail }), { accepted: 1, batch: { failed: 1 } })
  const final = { lease: b.lease, failed: [{ id: 'item 2', error: 'bad', final: true }] }
  t.match(await checkpoint(id, final), {
    accepted: 1,
    batch: { status: 'completed_with_failures', failed: 2 },
  })
  t.match(await call('POST', `/batches/${id}/resumption`, {}), {
    status: 200,
    body: { status: 'completed_with_failures' },
  })
  t.match((await call('POST', `/batches/${id}/resumption`, { retryFailed: ['item 2'] })).body, {
    status: 'waiting',
    failed: 1,
    finishedAt: null,
  })
  t.match((await call('POST', `/batches/${id}/resumption`, { retryFailed: true })).body, {
    failed: 0,
    pending: 2,
  })
  t.match(await claim(id, 'a', 2), { items: [{ attempt: 3 }, { attempt: 2 }] })
})

t.test('paused, nothing is handed out; what is under way may be reported', async (t) => {
  const id = await create(3)
  const a = await claim(id, 'a', 1)
  t.match(await call('POST', `/batches/${id}/pause`, { reason: 'lunch' }), {
    status: 200,
    body: { status: 'paused', pausedReason: 'lunch' },
  })
  t.match(await call('POST', `/batches/${id}/pause`), { status: 200 }, 'twice is no error')
  t.match(await claim(id, 'b', 1), { lease: null, batch: { status: 'paused' } })
  t.match(await checkpoint(id, { lease: a.lease, completed: ['item 1'] }), { accepted: 1 })
  const unfinished = await call('GET', '/batches?status=incomplete&limit=200')
  t.ok(ids(unfinished.body).includes(id), 'it is offered for resumption')
  t.match(await call('POST', `/batches/${id}/resumption`), { status: 200, body: { status: 'running' } })
  t.same(ids(await claim(id, 'b', 1)), ['item 2'])
})

t.test('cancelled, it stays so', async (t) => {
  const id = await create(3)
  const a = await claim(id, 'a', 2)
  t.match(await call('POST', `/batches/${id}/cancellation`), {
    status: 200,
    body: { status: 'cancelled', pending: 3 },
  })
  t.match(await call('POST', `/batches/${id}/cancellation`), { status: 200, body: { status: 'cancelled' } })
  t.match(await claim(id, 'b', 1), { lease: null, batch: { status: 'cancelled' } })
  t.match(
    await checkpoint(id, { lease: a.lease, completed: ['item 1'] }),
    { accepted: 1, batch: { status: 'cancelled', completed: 1 } },
    'what was done is known',
  )
  for (const action of ['pause', 'resumption'])
    t.match(await call('POST', `/batches/${id}/${action}`, {}), { status: 409 }, action)
  t.match(await call('POST', `/batches/${id}/items`, { items: items(1, 7) }), {
    status: 409,
    body: { code: 'BATCH_CANCELLED' },
  })
})

t.test('a worker can wait for items, and for a lease to run out', async (t) => {
  const id = await create(0)
  t.match(await get(id), { status: 'waiting', total: 0, finishedAt: null }, 'without items it waits for them')
  const body = { worker: 'a', limit: 5, leaseSeconds: 60 }
  const waiting = call('POST', `/batches/${id}/claims`, body, { prefer: 'wait=20' })
  await rest(50)
  t.match((await call('POST', `/batches/${id}/items`, { items: items(2) })).body, {
    received: 2,
    added: 2,
    existing: 0,
    batch: { total: 2 },
  })
  t.same(ids((await waiting).body), ['item 1', 'item 2'])
  const next = call('POST', `/batches/${id}/claims`, { ...body, worker: 'b' }, { prefer: 'wait=20' })
  await rest(20)
  later(61)
  await app.signals.send(app.orm.em.fork(), `batch:${id}`)
  t.same(ids((await next).body), ['item 1', 'item 2'])
  const nothing = await call('POST', `/batches/${id}/claims`, body, { prefer: 'wait=0' })
  t.match(nothing.body, { lease: null })
  const last = call('POST', `/batches/${id}/claims`, body, { prefer: 'wait=20' })
  await checkpoint(id, { completed: ['item 1', 'item 2'] })
  t.match((await last).body, { lease: null, batch: { status: 'completed' } }, 'the end of the work wakes it')
})

t.test('progress is told as it happens, to the end', async (t) => {
  const id = await create(300)
  const events = call('GET', `/batches/${id}/events`).catch(() => null)
  const stream = app.inject({
    url: `/api/batches/${id}/events`,
    headers: { authorization: 'Bearer hf_test_token_of_thirty_two_characters' },
  })
  for (let i = 0; i < 3; i++) {
    const some = await claim(id, 'a', 100)
    later(2)
    await checkpoint(id, { lease: some.lease, completed: ids(some) })
    await rest(150)
  }
  await events
  const seen = [...(await stream).body.matchAll(/event: (\w+)\n.*\ndata: (.*)\n/g)].map(
    ([, name, data]) => ({ name, ...(JSON.parse(data!) as Body) }) as Body,
  )
  t.match(seen.at(-1), { name: 'done', status: 'completed', completed: 300, progressPercentage: 100 })
  const completed = seen.map(({ completed }) => completed as number)
  t.same(
    completed,
    completed.toSorted((a, b) => a - b),
    'never back',
  )
  t.ok(
    seen.some(({ rate, etaSeconds }) => rate > 0 && etaSeconds > 0),
    JSON.stringify(seen),
  )
})

t.test('counting from many at once loses nothing', async (t) => {
  const id = await create(400)
  const worker = async (name: string) => {
    for (;;) {
      const { lease, items } = await claim(id, name, 7)
      if (lease === null) return
      await Promise.all(items.map((item: Body) => checkpoint(id, { lease, completed: [item.id] })))
    }
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(worker))
  t.match(await get(id), { status: 'completed', completed: 400, failed: 0, total: 400 })
  t.same(await sql(`SELECT sum(attempts)::int AS n FROM batch_items WHERE batch_id = '${id}'`), [{ n: 400 }])
})
