import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import t from 'tap'
import { systemActor } from '../../src/audit/actor.ts'
import { claimItems } from '../../src/batches/claim-items.ts'
import { createBatch } from '../../src/batches/create-batch.ts'
import { openLarge } from '../platform/list-plans.ts'
import type { NewItem } from '../../src/batches/queries.ts'
import { batchService, items } from './service.ts'

const create = (app: FastifyInstance, key: string, items: NewItem[]) =>
  app.orm.em
    .fork()
    .transactional((em) =>
      createBatch(
        app,
        em,
        { key, handler: null, items, origin: { type: 'request', id: null } },
        { actor: systemActor },
      ),
    )

t.test(
  'items whose lease ran out go back while their worker reports them: nobody waits in a circle',
  async (t) => {
    let now = new Date('2026-11-20T12:00:00Z')
    const { app, call, sql } = await batchService(t, { clock: { now: () => now } })
    const batch = await create(app, 'circle', items(20))
    const claim = { worker: 'slow', limit: 20, leaseSeconds: 60 }
    const { body: claimed } = await call('POST', `/batches/${batch.id}/claims`, claim)
    const other = new pg.Client({ connectionString: app.config.databaseUrl! })
    await other.connect()
    t.teardown(() => other.end())
    const waits = async (count: number) => {
      const looked = `SELECT wait_event FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY 1`
      for (;;) {
        const events = (await sql(looked)).map(({ wait_event: event }) => event)
        if (events.length >= count) return events
      }
    }

    await other.query('BEGIN')
    await other.query(`SELECT FROM batch_items WHERE id = 'item 10' FOR UPDATE`)
    const completed = claimed.items.map(({ id }: { id: string }) => id)
    const reported = call('POST', `/batches/${batch.id}/checkpoints`, { lease: claimed.lease, completed })
    t.same(await waits(1), ['transactionid'], 'the report has some of its items, and waits for the others')
    now = new Date(now.getTime() + 61_000)
    const next = call('POST', `/batches/${batch.id}/claims`, { ...claim, worker: 'next' })
    t.ok((await waits(2)).includes('advisory'), 'the other waits until all is reported')
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
    await create(app, 'before', items(1000))
    await app.orm.em.execute('ANALYZE batch_items')
    const { id } = await create(app, 'after', items(20_000))
    const claim = { worker: 'one', limit: 100, leaseSeconds: 60 }
    t.ok((await lookedAt(() => claimItems(app, id, claim, 0))) < 1000)
  },
)
