import { once } from 'node:events'
import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { Batch } from '../../src/batches/batch.ts'
import { BatchPaused } from '../../src/batches/batch-paused.ts'
import type { BuiltInHandler, HandledItem } from '../../src/batches/batches.ts'
import { cancelBatch } from '../../src/batches/cancel-batch.ts'
import { createBatch, type WantedBatch } from '../../src/batches/create-batch.ts'
import { findBatch, topicOf } from '../../src/batches/find-batches.ts'
import { pauseBatch } from '../../src/batches/pause-batch.ts'
import { reconcileBatches } from '../../src/batches/reconcile-batches.ts'
import { resumeBatch } from '../../src/batches/resume-batch.ts'
import { defineProblems } from '../../src/platform/errors.ts'
import { testApp } from '../support/app.ts'
import { sql } from '../support/postgres.ts'

const cause = { actor: systemActor }
const problems = defineProblems({ TOO_LARGE: { status: 413, title: 'Too large', hint: 'Cut it.' } })

async function appWith(t: Test, handler: BuiltInHandler<{ value: number }>): Promise<FastifyInstance> {
  return testApp(t, { routes: async (app) => app.batches.define('test', handler) })
}

function items(count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: `item ${i + 1}`, payload: { value: i + 1 } }))
}

async function create(app: FastifyInstance, wanted: Partial<WantedBatch> = {}): Promise<Batch> {
  const whole = {
    key: 'k',
    handler: 'test',
    items: items(10),
    origin: { type: 'request', id: null },
    ...wanted,
  }
  return app.orm.em.fork().transactional((em) => createBatch(app, em, whole as WantedBatch, cause))
}

/** Waits until the batch is as wanted. */
async function until(app: FastifyInstance, id: string, isSo: (batch: Batch) => boolean): Promise<Batch> {
  const look = async () => {
    const batch = await findBatch(app.orm.em, id)
    return isSo(batch) ? batch : null
  }
  const batch = await app.signals.waitFor(topicOf(id), look, 20_000)
  if (batch === null) throw new Error(`the batch is ${(await findBatch(app.orm.em, id)).status}`)
  return batch
}

const over = (batch: Batch) => batch.isOver()

function stored(app: FastifyInstance, order = 'position') {
  return sql(
    app.config.databaseUrl!,
    `SELECT id, state, attempts, failures, result, error FROM batch_items ORDER BY ${order}`,
  )
}

t.test('does the items in their order, one at a time, and keeps what came of them', async (t) => {
  const done: string[] = []
  let atOnce = 0
  const ends: Batch[] = []
  const app = await appWith(t, {
    async run({ id, payload, attempt, batch }) {
      atOnce += 1
      await rest(1)
      done.push(`${id} ${attempt} ${batch.key} ${JSON.stringify(batch.context)} ${atOnce}`)
      atOnce -= 1
      if (payload.value === 3) throw problems.TOO_LARGE('It has 3 MB.')
      if (payload.value === 4) throw new TypeError('oops')
      return payload.value === 5 ? { doubled: 10 } : null
    },
    async finished(_em, batch) {
      ends.push(batch)
    },
  })
  const batch = await create(app, { context: { a: 1 } })
  const end = await until(app, batch.id, over)
  t.match(end, { status: 'completed_with_failures', total: 10, completed: 8, failed: 2 })
  t.same(
    done,
    items(10).map(({ id }) => `${id} 1 k {"a":1} 1`),
  )
  t.match(ends, [{ id: batch.id, status: 'completed_with_failures', completed: 8, failed: 2 }])
  const rows = await stored(app)
  t.match(rows[0], { id: 'item 1', state: 'completed', result: null, error: null })
  t.match(rows[2], { state: 'failed', failures: 1, error: { code: 'TOO_LARGE', detail: 'It has 3 MB.' } })
  t.match(rows[3], { state: 'failed', error: { code: 'UNEXPECTED', detail: 'oops' } })
  t.match(rows[4], { state: 'completed', result: { doubled: 10 } })
})

t.test('works on as many at once as it may, and tries again as often as it may', async (t) => {
  let [atOnce, most] = [0, 0]
  const app = await appWith(t, {
    concurrency: 4,
    async run({ payload, attempt }) {
      most = Math.max(most, ++atOnce)
      await rest(2)
      atOnce -= 1
      if (payload.value === 7 && attempt < 2) throw problems.TOO_LARGE('not yet')
      return null
    },
  })
  const end = await until(
    app,
    (await create(app, { items: items(60), maxAttempts: 2, checkpointEvery: 10 })).id,
    over,
  )
  t.match(end, { status: 'completed', completed: 60, failed: 0 })
  t.equal(most, 4)
  t.match((await stored(app))[6], { state: 'completed', attempts: 2, failures: 1 })
})

t.test('the same key is the same batch, with what it had', async (t) => {
  const app = await appWith(t, { run: async () => null })
  const [one, other] = await Promise.all([create(app), create(app)])
  t.equal(one.id, other.id)
  await until(app, one.id, over)
  t.equal((await stored(app)).length, 10)
  await t.rejects(create(app, { title: 'another' }), { code: 'BATCH_KEY_REUSED' })
  await t.rejects(create(app, { items: items(9) }), { code: 'BATCH_KEY_REUSED' })
  await t.rejects(create(app, { key: 'l', handler: 'unheard of' }), { code: 'BATCH_HANDLER_UNKNOWN' })
  const streamed = {
    key: 'streamed',
    items: (async function* () {
      yield* items(1200)
    })(),
  }
  t.match(await until(app, (await create(app, streamed)).id, over), { total: 1200, completed: 1200 })
  t.match(await until(app, (await create(app, { key: 'empty', items: [] })).id, over), {
    status: 'completed',
    total: 0,
  })
})

t.test('pauses and goes on where it was', async (t) => {
  const done: number[] = []
  const reached = Promise.withResolvers<void>()
  const app = await appWith(t, {
    async run({ payload }, signal) {
      if (payload.value === 5 && !done.includes(5)) {
        reached.resolve()
        if (done.length < 5) await rest(60_000, undefined, { signal })
      }
      done.push(payload.value)
      return null
    },
  })
  const { id } = await create(app)
  await reached.promise
  done.push(0)
  t.match(await pauseBatch(app, id, cause, 'lunch'), { status: 'paused', pausedReason: 'lunch' })
  t.equal((await pauseBatch(app, id, cause)).pausedReason, 'lunch', 'twice is no error')
  await leaseGone(app)
  t.match((await stored(app)).filter(({ state }) => state === 'completed').length, 4)
  t.match((await stored(app))[4], { state: 'pending', attempts: 0, failures: 0 })
  t.match(await resumeBatch(app, id, cause), { status: 'running', pausedReason: null })
  t.match(await until(app, id, over), { status: 'completed', completed: 10 })
  t.same(done, [1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 10])
  await t.rejects(pauseBatch(app, id, cause), { code: 'BATCH_OVER' })
})

/** Waits until no run holds anything. */
async function leaseGone(app: FastifyInstance): Promise<void> {
  while ((await sql(app.config.databaseUrl!, 'SELECT 1 FROM batch_leases')).length > 0) await rest(20)
}

t.test('a handler can pause the batch', async (t) => {
  let isUp = false
  const app = await appWith(t, {
    concurrency: 2,
    async run({ payload }) {
      if (payload.value > 4 && !isUp) throw new BatchPaused('The store cannot be reached.')
      return null
    },
  })
  const { id } = await create(app)
  const paused = await until(app, id, ({ status }) => status === 'paused')
  t.match(paused, { status: 'paused', pausedReason: 'The store cannot be reached.' })
  await leaseGone(app)
  t.same(
    (await stored(app)).filter(({ state }) => state === 'failed'),
    [],
  )
  isUp = true
  await resumeBatch(app, id, cause)
  t.match(await until(app, id, over), { status: 'completed', completed: 10, failed: 0 })
})

t.test('cancelled, it is over when what was under way has ended', async (t) => {
  const reached = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const ends: string[] = []
  const app = await appWith(t, {
    async run({ payload }, signal) {
      if (payload.value === 3) {
        reached.resolve()
        await goOn.promise
        // What was taken ahead is done until the run hears of it.
        if (!signal.aborted) await once(signal, 'abort')
        ends.push('item')
      }
      return null
    },
    async finished(_em, { status, completed }) {
      ends.push(`${status} ${completed}`)
    },
  })
  const { id } = await create(app)
  await reached.promise
  t.match(await cancelBatch(app, id, cause), { status: 'cancelling' })
  t.match(await cancelBatch(app, id, cause), { status: 'cancelling' })
  goOn.resolve()
  t.match(await until(app, id, over), { status: 'cancelled', total: 10, completed: 3, failed: 0 })
  t.same(ends, ['item', 'cancelled 3'])
  t.match(await cancelBatch(app, id, cause), { status: 'cancelled' })
  await t.rejects(resumeBatch(app, id, cause), { code: 'BATCH_CANCELLED' })
  const paused = await create(app, { key: 'paused', items: items(2) })
  await until(app, paused.id, over)
})

t.test('failed items are done again when asked: all, some, by their error', async (t) => {
  let broken = true
  const seen: HandledItem[] = []
  const app = await appWith(t, {
    async run(item) {
      seen.push(item)
      if (broken) throw item.payload.value % 2 ? problems.TOO_LARGE('odd') : new Error('even')
      return null
    },
  })
  const { id } = await create(app)
  t.match(await until(app, id, over), { completed: 0, failed: 10 })
  t.match(await resumeBatch(app, id, cause), { status: 'completed_with_failures' }, 'not unless asked')
  broken = false
  await resumeBatch(app, id, cause, { ids: ['item 2', 'item 3', 'unheard of'] })
  t.match(await until(app, id, over), { completed: 2, failed: 8 })
  await resumeBatch(app, id, cause, { error: 'TOO_LARGE' })
  t.match(await until(app, id, over), { completed: 6, failed: 4 })
  await resumeBatch(app, id, cause, { error: 'even' })
  t.match(await until(app, id, over), { status: 'completed', completed: 10, failed: 0 })
  t.equal(seen.length, 20)
  t.same(await sql(app.config.databaseUrl!, 'SELECT 1 FROM batch_counts'), [], 'the sum is with the batch')
})

t.test('what a dead process left is taken up', async (t) => {
  const app = await appWith(t, { run: async () => null })
  const url = app.config.databaseUrl!
  const { id } = await create(app)
  await until(app, id, over)
  // As a process leaves it that dies in the middle of an item.
  await sql(
    url,
    `UPDATE batches SET status = 'running', finished_at = NULL, completed = 8;
    INSERT INTO batch_leases VALUES ('01890000-0000-7000-8000-000000000000', '${id}', 'dead', now(), now() + interval '1 h');
    UPDATE batch_items SET state = 'leased', lease_id = '01890000-0000-7000-8000-000000000000' WHERE id IN ('item 4', 'item 9')`,
  )
  await reconcileBatches(app)
  t.match(await until(app, id, over), { status: 'completed', completed: 10 })
  t.match((await stored(app))[3], { attempts: 2 })
  // Or between the last item and the end.
  await sql(url, `UPDATE batches SET status = 'running', finished_at = NULL`)
  await reconcileBatches(app)
  t.match(await until(app, id, over), { status: 'completed', completed: 10 })
})
