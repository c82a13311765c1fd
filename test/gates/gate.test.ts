import t from 'tap'
import { systemActor, type Actor } from '../../src/audit/actor.ts'
import type { Dataset } from '../../src/datasets/definition.ts'
import type { Scope } from '../../src/datasets/scope.ts'
import { gateRule } from '../../src/gates/gate-policy.ts'
import { judgeGate, requireGate } from '../../src/gates/judge-gate.ts'
import { Problem } from '../../src/platform/errors.ts'
import { bearer, movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { snapshotService, take } from '../snapshots/service.ts'

const clock = movableClock()
const service = await snapshotService(t, { clock })
const { app, call, source } = service

/** A snapshot as it would be had it been taken `minutes` ago. */
async function taken(minutes: number, body: object): Promise<string> {
  const { id } = await take(service, body)
  const at = new Date(clock.at - minutes * 60_000)
  await sql(app.config.databaseUrl!, 'UPDATE snapshots SET taken_at = $2 WHERE id = $1', [id, at])
  return id
}

t.beforeEach(() => sql(app.config.databaseUrl!, 'TRUNCATE snapshots'))

const verdict = async (dataset: string, query: string) =>
  (await call('GET', `/datasets/${dataset}/gate?${query}`)).body

const admin: Actor = { type: 'user', id: null, name: 'admin', role: 'admin' }

async function required(dataset: string, scope: Scope, more: object = {}, actor = admin) {
  const wanted = { dataset: app.datasets.get(dataset), scope, operation: 'delivery' as const, ...more }
  return requireGate(app, wanted, { actor }).catch((error: unknown) => error as Problem)
}

t.test('without a snapshot the gate says what is needed, and the call opens it', async (t) => {
  const closed = await verdict('legacy-import', 'operation=delivery')
  t.match(closed, {
    dataset: 'legacy-import',
    operation: 'delivery',
    scope: { all: true },
    open: false,
    code: 'SNAPSHOT_REQUIRED',
    maxAge: '1h',
    maxAgeSeconds: 3600,
    snapshot: null,
    ageSeconds: null,
    missing: null,
  })
  const { method, path, body } = closed['clearWith'] as { method: 'POST'; path: string; body: object }
  t.same(body, { dataset: 'legacy-import', scope: { all: true }, reuseWithin: '1h' })
  const cleared = await call(method, path.replace('/api', ''), body, { prefer: 'wait=60' })
  t.equal(cleared.status, 201)
  const open = await verdict('legacy-import', 'operation=delivery')
  t.match(open, { open: true, code: null, snapshot: { id: cleared.body.id }, clearWith: null, missing: null })
  const again = await call(method, path.replace('/api', ''), body)
  t.same([again.status, again.body.id], [200, cleared.body.id], 'a second call takes none')
})

t.test('an hour is an hour', async (t) => {
  const id = await taken(60, { dataset: 'chat' })
  t.match(await verdict('chat', 'operation=delivery'), { open: true, ageSeconds: 3600 })
  clock.at += 1
  const stale = await verdict('chat', 'operation=delivery')
  t.match(stale, { open: false, code: 'SNAPSHOT_STALE', snapshot: { id }, ageSeconds: 3600, missing: null })
  t.match(stale.detail, /is 1 hour old; 1h is allowed/)
  clock.at -= 2 * 3_600_000
  t.match(
    await verdict('chat', 'operation=delivery'),
    { open: true, ageSeconds: 0 },
    'taken ahead of our clock',
  )
  clock.at += 2 * 3_600_000 - 1
})

t.test('everything covers any part of it, at its own age', async (t) => {
  const id = await taken(30, { dataset: 'chat' })
  for (const scope of ['all=true', 'month=2026-11', 'from=2026-01-01', 'key=7', 'key=7&key=8', '']) {
    const found = await verdict('chat', `operation=sync&${scope}`)
    t.match(found, { open: true, snapshot: { id }, ageSeconds: 1800 }, scope)
  }
})

t.test('a month that is not over is covered as it was when it was taken', async (t) => {
  const id = await taken(30, { dataset: 'chat', scope: { month: '2026-11' } })
  t.match(await verdict('chat', 'operation=sync&month=2026-11'), { open: true, snapshot: { id } })
  t.match(await verdict('chat', 'operation=sync&from=2026-11-01&to=2026-12-01'), { open: true })
  const day = await taken(20, { dataset: 'chat', scope: { from: '2026-11-01', to: '2026-11-21' } })
  await sql(app.config.databaseUrl!, 'DELETE FROM snapshots WHERE id = $1', [id])
  t.match(await verdict('chat', 'operation=sync&month=2026-11'), {
    open: false,
    code: 'SNAPSHOT_REQUIRED',
    snapshot: { id: day },
    missing: 'the records from 2026-11-21, before 2026-12-01',
  })
})

t.test('what the nearest one lacks is said', async (t) => {
  const keys = await taken(1, { dataset: 'chat', scope: { keys: ['1', '2'] } })
  const october = await taken(5, { dataset: 'chat', scope: { month: '2026-10' } })
  const cases: [query: string, nearest: string, missing: string][] = [
    ['key=2&key=3&key=4', keys, '2 records: 3, 4'],
    ['month=2026-09', october, 'the records of September 2026'],
    [
      'from=2026-09-15&to=2026-11-15',
      october,
      'the records from 2026-09-15, before 2026-10-01 and from 2026-11-01, before 2026-11-15',
    ],
    [
      'from=2026-10-31T12:00:00Z&to=2026-10-31T18:00:00Z',
      october,
      'the records from 2026-11-01, before 2026-10-31T18:00:00.000Z',
    ],
    ['all=true', keys, 'all records other than the 2 it lists'],
  ]
  for (const [query, id, missing] of cases) {
    const found = await verdict('chat', `operation=sync&${query}`)
    t.match(found, { code: 'SNAPSHOT_REQUIRED', snapshot: { id }, missing }, query)
    t.ok(found.detail.endsWith(`does not cover ${missing}.`), found.detail)
  }
  t.match(await verdict('chat', 'operation=sync&key=2'), { open: true, snapshot: { id: keys } })
})

t.test('many snapshots of single records hide neither each other nor one of all', async (t) => {
  await taken(59, { dataset: 'chat' })
  const first = await taken(50, { dataset: 'chat', scope: { keys: ['1'] } })
  await sql(
    app.config.databaseUrl!,
    `INSERT INTO snapshots SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'key', 'k' || i,
       'scope', jsonb_build_object('keys', jsonb_build_array(i::text)), 'taken_at', s.taken_at + i * interval '1 ms'))).*
     FROM snapshots s, generate_series(1000, 2000) i WHERE s.id = $1`,
    [first],
  )
  t.match(await verdict('chat', 'operation=sync'), { open: true, ageSeconds: 3540 })
  t.match(await verdict('chat', 'operation=sync&key=1'), { snapshot: { id: first }, ageSeconds: 3000 })
  t.match(await verdict('chat', 'operation=sync&key=1000'), { ageSeconds: 2999 })
})

t.test('only a good snapshot of its own sake counts', async (t) => {
  const id = await taken(1, { dataset: 'chat' })
  const damages = [
    `status = 'failed', error = '{"code":"SNAPSHOT_CORRUPT","detail":""}'`,
    `status = 'expired'`,
    `deleted_at = now()`,
    `trigger = 'pre_restore', restore_id = id`,
    `trigger = 'pre_cleanup'`,
    `counts = '{"chat.sessions": 3}'`,
  ]
  for (const damage of damages) {
    await sql(app.config.databaseUrl!, `UPDATE snapshots SET ${damage} WHERE id = $1`, [id])
    t.match(await verdict('chat', 'operation=sync'), { code: 'SNAPSHOT_REQUIRED' }, damage)
    await sql(
      app.config.databaseUrl!,
      `UPDATE snapshots SET status = 'completed', error = NULL, deleted_at = NULL, trigger = 'manual', restore_id = NULL
        WHERE id = $1`,
      [id],
    )
  }
  const found = await verdict('chat', 'operation=sync')
  t.equal(found['missing'], 'the rows of chat.messages', 'a table that the dataset has got since')
})

t.test('the dataset says which operations need one, and how fresh', async (t) => {
  const declared = (gate: object) => ({ policies: { gate } }) as Pick<Dataset, 'policies'>
  t.same(gateRule({ policies: {} }, 'export'), { maxAge: '1h', maxAgeMs: 3_600_000 })
  t.same(gateRule(declared({ export: true }), 'export')?.maxAge, '1h')
  t.same(gateRule(declared({ export: {} }), 'export')?.maxAge, '1h')
  t.same(gateRule(declared({ export: { maxAge: '2d' } }), 'export')?.maxAgeMs, 172_800_000)
  t.equal(gateRule(declared({ export: false }), 'export'), null)
  t.same(gateRule(declared({ export: false }), 'delete')?.maxAge, '1h')
  t.match(await verdict('chat', 'operation=export'), { open: true, maxAge: null, snapshot: null })
  await taken(29 * 24 * 60, { dataset: 'legacy-import' })
  t.match(await verdict('legacy-import', 'operation=cleanup'), { open: true, maxAge: '30d' })
  t.match(await verdict('legacy-import', 'operation=delivery'), { code: 'SNAPSHOT_STALE' })
})

t.test('a refusal names the gate and the call that clears it', async (t) => {
  const none = await required('chat', { month: '2026-10' })
  t.match(none, {
    code: 'SNAPSHOT_REQUIRED',
    status: 409,
    message:
      /No completed snapshot covers .*October 2026.*POST \/api\/snapshots {"dataset":"chat","scope":{"month":"2026-10"},"reuseWithin":"1h"}/,
    particulars: { extensions: { gate: { operation: 'delivery', snapshot: null, missing: null } } },
  })
  const id = await taken(180, { dataset: 'chat', scope: { month: '2026-10' } })
  t.match(await required('chat', { month: '2026-10' }), {
    code: 'SNAPSHOT_STALE',
    particulars: { extensions: { gate: { snapshot: { id }, ageSeconds: 10_800, maxAgeSeconds: 3600 } } },
  })
  const keys = Array.from({ length: 10_000 }, (_, i) => String(i))
  const many = (await required('chat', { keys })) as Problem
  t.ok(many.message.length < 1000, 'ten thousand keys stay out of the sentence')
  t.match(many.particulars.extensions, { clearWith: { body: { scope: { keys } } } })
})

t.test('a pass says which snapshot opened the gate', async (t) => {
  const id = await taken(10, { dataset: 'chat' })
  const snapshotAt = new Date(clock.at - 600_000)
  t.same(await required('chat', { keys: ['1'] }), { skipped: false, snapshotId: id, snapshotAt })
  const free = await required('chat', { all: true }, { operation: 'export' })
  t.same(free, { skipped: false, snapshotId: null, snapshotAt: null })
})

t.test('skipping takes a permission, and is always recorded', async (t) => {
  const skip = { skipSnapshotCheck: true }
  for (const role of ['operator', 'viewer', 'member'] as const)
    t.match(await required('chat', { all: true }, skip, { ...admin, role }), { code: 'FORBIDDEN' }, role)
  t.match(await required('chat', { all: true }, skip, systemActor), { code: 'FORBIDDEN' })
  t.same(await required('chat', { month: '2026-10' }, skip), {
    skipped: true,
    snapshotId: null,
    snapshotAt: null,
  })
  const id = await taken(10, { dataset: 'chat' })
  t.match(await required('chat', { all: true }, skip), { skipped: true, snapshotId: id })
  const headers = await bearer(app, 'admin')
  const entries = await app.inject({ url: '/api/audit?action=gate.skipped', headers })
  t.match(entries.json().items, [
    { snapshotId: id, metadata: { verdict: 'open' } },
    {
      dataset: 'chat',
      actor: { name: 'admin' },
      metadata: { operation: 'delivery', scope: { month: '2026-10' }, verdict: 'SNAPSHOT_REQUIRED' },
    },
  ])
})

t.test('a member is told nothing of snapshots of others’ records', async (t) => {
  const member: Actor = { type: 'user', id: null, name: 'm', role: 'member', email: 'm@example.com' }
  const dataset = app.datasets.get('deal-rooms')
  const [room] = await sql(source, 'SELECT * FROM deal_rooms.rooms LIMIT 1')
  const key = Object.values(app.datasets.get('deal-rooms').root.key).map(
    ({ name }) => room![name] as string,
  )[0]!
  const judged = () => judgeGate(app, dataset, { keys: [key] }, 'delivery', member)
  const all = await taken(10, { dataset: 'deal-rooms' })
  const open = await judged()
  t.match(open, { open: true, snapshot: null, ageSeconds: null })
  t.notMatch(open.detail, new RegExp(all))
  clock.at += 7_200_000
  t.match(await judged(), { code: 'SNAPSHOT_STALE', snapshot: null, detail: /^The latest snapshot covers/ })
  const own = await taken(1, { dataset: 'deal-rooms', scope: { keys: [key] } })
  t.match(await judged(), { open: true, snapshot: { id: own } })
})

t.test('what is asked wrongly', async (t) => {
  const cases: [path: string, status: number, code: string][] = [
    ['/datasets/chat/gate', 400, 'VALIDATION_FAILED'],
    ['/datasets/chat/gate?operation=restore', 400, 'VALIDATION_FAILED'],
    ['/datasets/chat/gate?operation=sync&all=false', 400, 'VALIDATION_FAILED'],
    ['/datasets/chat/gate?operation=sync&all=true&month=2026-10', 400, 'SCOPE_INVALID'],
    ['/datasets/chat/gate?operation=sync&month=2026-13', 400, 'SCOPE_INVALID'],
    ['/datasets/chat/gate?operation=sync&key=x', 400, 'SCOPE_INVALID'],
    ['/datasets/none/gate?operation=sync', 404, 'DATASET_UNKNOWN'],
  ]
  for (const [path, status, code] of cases) {
    const answer = await call('GET', path)
    t.match([answer.status, answer.body.code], [status, code], path)
  }
})

t.test('a page shows the verdict on each operation', async (t) => {
  const headers = { ...(await bearer(app, 'viewer')), accept: 'text/html' }
  const closed = (await app.inject({ url: '/datasets/chat/gate', headers })).body
  t.match(closed, /Delivery[\s\S]*Closed[\s\S]*No completed snapshot covers/)
  t.match(closed, /Export[\s\S]*none needed/)
  const id = await taken(1, { dataset: 'chat', scope: { month: '2026-10' } })
  const october = await app.inject({ url: '/datasets/chat/gate?which=month&month=2026-10', headers })
  t.match(october.body, new RegExp(`Open[\\s\\S]*/snapshots/${id}`))
  const wrong = await app.inject({ url: '/datasets/chat/gate?which=month&month=2026-13', headers })
  t.equal(wrong.statusCode, 400)
  t.match(wrong.body, /must be a month/)
})
