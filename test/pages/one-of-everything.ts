import { announce } from '../../src/notifications/announce.ts'
import type { DeliveryService } from '../deliveries/service.ts'
import { sql } from '../support/postgres.ts'

/**
 * One of everything that has a page, so that every page can be reached; and what a member is a party to.
 * `member@example.com` is the owner of the first deal room.
 * @returns the key of that room
 */
export async function makeOneOfEverything({ app, call, source, sessions }: DeliveryService): Promise<string> {
  const session = sessions[0]!
  const patient = { prefer: 'wait=30' }
  const [room] = await sql(source, 'SELECT id FROM deal_rooms.rooms ORDER BY id LIMIT 1')
  await sql(
    source,
    `INSERT INTO deal_rooms.parties (room_id, email, name, role) VALUES ($1, 'member@example.com', 'Me', 'owner')`,
    [room!['id']],
  )
  const mine = { dataset: 'deal-rooms', scope: { keys: [room!['id']] } }
  await call('POST', '/snapshots', mine, patient)
  await call('POST', '/exports', { ...mine, format: 'json' }, patient)
  const { body } = await call('POST', '/snapshots', { dataset: 'chat' }, patient)
  const { id: snapshotId } = body
  await call('POST', '/restores', { snapshotId, keys: [2] }, patient)
  await call('POST', '/exports', { dataset: 'chat', scope: { keys: [2] }, format: 'csv' }, patient)
  await call('POST', '/holds', { dataset: 'chat', key: 2, reason: 'A dispute' })
  await call('POST', '/batches', { key: 'crawl', items: [{ id: 'a' }, { id: 'b' }] })
  const old = { dataset: 'chat', scope: { keys: [3] }, target: 'records' }
  const { body: preview } = await call('POST', '/cleanups', old)
  const { planHash } = preview
  const dueAt = '2999-01-01T00:00:00Z'
  await call('POST', '/cleanups', { ...old, confirmDelete: true, planHash, dueAt }, patient)
  const destination = { type: 'folder', path: 'crawl' }
  const files = { dataset: 'legacy-import', scope: { keys: [session] }, destination }
  await call('POST', '/deliveries', { ...files, skipSnapshotCheck: true }, patient)
  await call('POST', '/schedules/runs.history/runs', {}, patient)
  await call('POST', '/audit/verifications', {}, patient)
  await call('POST', '/tokens', { name: 'nightly', role: 'viewer' })
  const about = { type: 'snapshot', id: snapshotId }
  const news = { event: 'backup_completed', dataset: null, about, facts: {} } as const
  await app.orm.em.fork().transactional((em) => announce(app, em, news))
  return room!['id'] as string
}
