import t from 'tap'
import { expireSnapshot } from '../../src/snapshots/delete-snapshot.ts'
import { systemActor } from '../../src/audit/actor.ts'
import { lockGood } from '../../src/retention/queries.ts'
import { take } from '../snapshots/service.ts'
import { sql } from '../support/postgres.ts'
import { retentionService } from './service.ts'

const service = await retentionService(t, { BACKUP_RETENTION_DAYS: '7' })
const { app, call, run, age, clock } = service

t.test('snapshots go when their time is over, and the audit log says why', async (t) => {
  const old = await take(service, { dataset: 'conversations' })
  const held = await take(service, { dataset: 'conversations' })
  const never = await take(service, { dataset: 'conversations', expiresAt: null })
  const soon = await take(service, { dataset: 'conversations', expiresAt: '2026-11-20T10:30:00Z' })
  const newest = await take(service, { dataset: 'conversations' })
  t.equal(old['expiresAt'], '2026-11-27T10:00:00.000Z', 'told when it is taken')
  t.equal(never['expiresAt'], null)
  await call('PATCH', `/snapshots/${held.id}`, { hold: true })
  t.match(await run('snapshots.expiry'), { status: 'completed', counts: { expired: 0 } })
  clock.at = Date.parse('2026-11-27T10:00:00Z')
  t.match(await run('snapshots.expiry'), { counts: { expired: 2, kept: 3, changed: 0 } })
  const statusOf = async ({ id }: { id: string }) => (await call('GET', `/snapshots/${id}`)).body.status
  t.same(await Promise.all([old, soon, held, never, newest].map(statusOf)), [
    'expired',
    'expired',
    'completed',
    'completed',
    'completed',
  ])
  const entries = await sql(
    app.config.databaseUrl!,
    `SELECT metadata FROM audit_entries WHERE action = 'snapshot.expired' AND entity_ids = ARRAY[$1]`,
    [old.id],
  )
  t.match(JSON.parse(String(entries[0]!['metadata'])).reasons, ['Its time ended on 27 Nov 2026, 10:00 UTC.'])
})

t.test('editing a title by the form chooses no expiry', async (t) => {
  const { id } = await take(service, { dataset: 'deal-rooms' })
  const chosen = async () => {
    const [row] = await sql(app.config.databaseUrl!, 'SELECT expiry_chosen FROM snapshots WHERE id = $1', [
      id,
    ])
    return row!['expiry_chosen']
  }
  await call('PATCH', `/snapshots/${id}`, { title: 'New' })
  t.equal(await chosen(), false)
  await call('PATCH', `/snapshots/${id}`, { expiresAt: null })
  t.equal(await chosen(), true)
})

t.test('what was decided is looked at again in the moment of the removal', async (t) => {
  const older = await take(service, { dataset: 'video-library' })
  const newer = await take(service, { dataset: 'video-library' })
  await age(older.id, '2024-01-01T00:00:00Z')
  await call('DELETE', `/snapshots/${newer.id}`)
  const refused = expireSnapshot(
    app,
    older.id,
    { actor: systemActor },
    {
      reasons: [],
      check: async (em) => {
        if ((await lockGood(em, [newer.id])) < 1) throw new Error('lost a newer one')
      },
    },
  )
  await t.rejects(refused, /lost a newer one/)
  t.equal((await call('GET', `/snapshots/${older.id}`)).body.status, 'completed')
})
