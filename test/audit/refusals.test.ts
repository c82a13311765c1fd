import t from 'tap'
import { createRefusalBudget } from '../../src/audit/refusal-budget.ts'
import { defineProblems } from '../../src/platform/errors.ts'
import { testApp } from '../support/app.ts'
import { bearer, browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const problems = defineProblems({
  GATE_SHUT: { status: 409, title: 'The gate is shut', hint: '' },
  BAD_INPUT: { status: 400, title: 'Bad input', hint: '' },
})

/** Routes that refuse, as a gate would. */
async function refusing(t: Parameters<typeof testApp>[0], clock?: { now(): Date }) {
  return testApp(t, {
    ...(clock && { clock }),
    routes: async (app) => {
      const config = { permission: 'snapshots:create' } as const
      app.post('/api/datasets/:dataset/shut', { config }, async () => {
        throw problems.GATE_SHUT('No snapshot covers it: postgres://ann:c4n4ry@db/app, token=c4n4ry')
      })
      app.get('/api/datasets/:dataset/shut', { config }, async () => {
        throw problems.GATE_SHUT('Merely looked.')
      })
      app.post('/api/wrong', { config }, async () => {
        throw problems.BAD_INPUT('Bad.')
      })
    },
  })
}

const refused = `SELECT actor_type, actor_name, action, entity_type, entity_ids, dataset, request_id, address,
  metadata::jsonb AS metadata FROM audit_entries WHERE outcome = 'refused' ORDER BY seq`

t.test('refusals are entries: what was tried, by whom, and why not', async (t) => {
  const app = await refusing(t)
  const url = app.config.databaseUrl!
  await person(app, 'olga', 'operator')
  const olga = await browse(app, 'olga')
  const viewer = await bearer(app, 'viewer')
  const gate = await app.inject({ method: 'POST', url: '/api/datasets/chat/shut', headers: olga })
  await app.inject({ method: 'POST', url: '/api/datasets/chat/shut', headers: viewer })
  await app.inject({ url: '/api/audit', headers: olga })
  await app.inject({ url: '/api/audit', headers: { authorization: 'Bearer hf_wrong' } })
  const entries = await sql(url, refused)
  t.match(entries, [
    {
      actor_type: 'user',
      actor_name: 'olga',
      action: 'snapshots:create',
      entity_type: 'snapshot',
      entity_ids: [],
      dataset: 'chat',
      address: '127.0.0.1',
      metadata: { method: 'POST', path: '/api/datasets/chat/shut', status: 409, code: 'GATE_SHUT' },
    },
    {
      actor_type: 'token',
      action: 'snapshots:create',
      dataset: 'chat',
      metadata: { status: 403, code: 'FORBIDDEN' },
    },
    { actor_type: 'user', action: 'audit:list', metadata: { status: 403 } },
    { actor_type: 'anonymous', action: 'audit:list', metadata: { status: 401, code: 'CREDENTIALS_INVALID' } },
  ])
  t.equal(entries.length, 4)
  t.equal(entries[0]?.request_id, gate.headers['x-request-id'])
  t.notMatch(JSON.stringify(entries), 'c4n4ry')
})

t.test('what is no refusal is no entry', async (t) => {
  const app = await refusing(t)
  const operator = await bearer(app, 'operator')
  await app.inject({ method: 'POST', url: '/api/wrong', headers: operator })
  await app.inject({ url: '/api/datasets/chat/shut', headers: operator })
  await app.inject({ url: '/api/audit' })
  await app.inject({ url: '/audit', headers: { accept: 'text/html' } })
  await app.inject({ url: '/nowhere', headers: operator })
  t.same(await sql(app.config.databaseUrl!, refused), [])
})

t.test('a flood fills nothing, and the next entry says what was passed over', async (t) => {
  const clock = { at: Date.parse('2026-11-20T10:00:00Z'), now: () => new Date(clock.at) }
  const app = await refusing(t, clock)
  const url = app.config.databaseUrl!
  const viewer = await bearer(app, 'viewer')
  const knock = (remoteAddress: string, headers: Record<string, string>) =>
    app.inject({ url: '/api/users', remoteAddress, headers })
  for (let i = 0; i < 300; i++) await knock(`10.0.0.${i % 5}`, { authorization: 'Bearer hf_wrong' })
  const count = async () => (await sql(url, refused)).length
  t.equal(await count(), 120, 'strangers together')
  for (let i = 0; i < 50; i++) await knock('10.0.0.1', viewer)
  t.equal(await count(), 150, 'a known party has its own budget')
  const [first] = (await sql(url, refused)).slice(120)
  t.match(first?.metadata, { passedOver: 180 })
  clock.at += 60_000
  await knock('10.0.0.1', { authorization: 'Bearer hf_wrong' })
  t.equal(await count(), 151)
  t.match((await sql(url, refused)).at(-1)?.metadata, { passedOver: 20 })
})

t.test('the budget: one party cannot use up that of another', (t) => {
  let now = 0
  const budget = createRefusalBudget(() => now)
  const admitted = (party: string, isStranger: boolean) =>
    Array.from({ length: 100 }, () => budget.admit(party, isStranger)).filter((entry) => entry !== null)
      .length
  t.equal(admitted('a', false), 30)
  t.equal(admitted('b', false), 30)
  for (const stranger of ['c', 'd', 'e', 'f']) t.equal(admitted(stranger, true), 30)
  t.equal(admitted('g', true), 0)
  t.equal(admitted('h', false), 30)
  now = -3_600_000
  t.equal(admitted('a', false), 30, 'even when the clock was set back')
  t.end()
})
