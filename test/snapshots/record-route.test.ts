import t from 'tap'
import { sql } from '../support/postgres.ts'
import { snapshotService, take } from './service.ts'

t.test('one record in full, as a snapshot has it, whatever migration ran meanwhile', async (t) => {
  const service = await snapshotService(t)
  const { call, source } = service
  const [room] = await sql(source, 'SELECT id FROM deal_rooms.rooms ORDER BY id LIMIT 1')
  const path = `/datasets/deal-rooms/records/${encodeURIComponent(String(room!['id']))}`
  t.match(await call('GET', path), { status: 200, body: { id: room!['id'], parties: [{ role: /./ }] } })

  await sql(source, `ALTER TABLE deal_rooms.rooms ADD COLUMN berth text NOT NULL DEFAULT 'B7'`)
  const { id } = await take(service, { dataset: 'deal-rooms', scope: { keys: [room!['id']] } })
  const artifact = await call('GET', `/snapshots/${id}/content`)
  const [captured] = (JSON.parse(artifact.raw.body) as { records: unknown[] }).records
  t.match(captured, { berth: 'B7' }, 'a column that was added since the files were read')
  t.same((await call('GET', path)).body, captured)

  const refused = [
    ['/datasets/deal-rooms/records/none', 404, 'RECORD_NOT_FOUND'],
    ['/datasets/none/records/none', 404, 'DATASET_UNKNOWN'],
    ['/datasets/chat/records/abc', 400, 'SCOPE_INVALID'],
    ['/datasets/chat/records/99999999999999999999', 400, 'SCOPE_INVALID'],
  ] as const
  for (const [url, status, code] of refused) t.match(await call('GET', url), { status, body: { code } }, url)
})
