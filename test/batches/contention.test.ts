import pg from 'pg'
import t from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { claimItems } from '../../src/batches/claim-items.ts'
import { createBatch } from '../../src/batches/create-batch.ts'
import { openLarge } from '../platform/list-plans.ts'
import { batchService, items } from './service.ts'

t.test(
  'items whose lease ran out go back while their worker reports them: nobody waits in a circle',
  async (t) => {
    let now = new Date('2026-11-20T12:00:00Z')
    const { app, call, sql } = await batchService(t, { clock: { now: () => now } })
    // Their order is the reverse of their names', by which reports are sorted.
    const names = Array.from({ length: 20 }, (_, i) => ({ id: `item ${99 - i}` }))
    const { body: batch } = await call('POST', '/batches', { key: 'circle', items: names })
    const claim = { worker: 'slow', limit: 20, leaseSeconds: 60 }
    const { body: claimed } = await call('POST', `/batches/${batch.id}/claims`, claim)
    const other = new pg.Client({ connectionString: app.config.databaseUrl! })
    await other.connect()
    t.teardown(() => other.end())
    const waiting = async (count: number) => {
      const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      while ((await sql(waits)).length < count);
    }

    // Somebody has both ends of the row: whoever begins at one of them will come to the other.
    await other.query('BEGIN')
    await other.query(`SELECT FROM batch_items WHERE id IN ('item 80', 'item 99') FOR UPDATE`)
    const completed = claimed.items.map(({ id }: { id: string }) => id)
    const reported = call('POST', `/batches/${batch.id}/checkpoints`, { lease: claimed.lease, completed })
    await waiting(1)
    now = new Date(now.getTime() + 61_000)
    const next = call('POST', `/batches/${batch.id}/claims`, { ...claim, worker: 'next' })
    await waiting(2)
    await other.query('COMMIT')
    t.match(await reported, { status: 200, body: { accepted: 20, refused: [] } })
    t.match(await next, { status: 200, body: { lease: null, items: [] } })
    t.match((await call('GET', `/batches/${batch.id}`)).body, { status: 'completed', completed: 20 })
  },
)

t.test(
  'a claim looks at the items that it takes, of a batch that came after the table was analyzed',
  async (t) => {
    const { app, lookedAt } = await openLarge(t, [])
    const create = (key: string, count: number) =>
      app.orm.em
        .fork()
        .transactional((em) =>
          createBatch(
            app,
            em,
            { key, handler: null, items: items(count), origin: { type: 'request', id: null } },
            { actor: systemActor },
          ),
        )
    await create('before', 1000)
    await app.orm.em.execute('ANALYZE batch_items')
    const { id } = await create('after', 20_000)
    const claim = { worker: 'one', limit: 100, leaseSeconds: 60 }
    t.ok((await lookedAt(() => claimItems(app, id, claim, 0))) < 1000)
  },
)
