import t from 'tap'
import { endOf, openApp } from '../../torture/app.ts'
import { openByteWire } from '../../torture/byte-wire.ts'
import { openPlace, until, withClient } from '../../torture/place.ts'
import { stateOf } from '../../torture/source.ts'
import { openServer, openStandby } from '../support/own-server.ts'
import { sql } from '../support/postgres.ts'

/** A source that is a hot standby: it can be read, and what it replays may end what reads it. */
const primary = await openServer(t)
const place = await openPlace(t, 'folder', undefined, primary.url)
const standby = await openStandby(t, primary, 'max_standby_streaming_delay = 0')
const wire = await openByteWire(t, standby.url)
const { post, get } = await openApp(t, place, { source: wire.url })

const takeSnapshot = () => post('/snapshots', { dataset: 'accounts' })

/** Until a query of the standby finds something. */
const onStandby = (query: string) => until(standby.administration, query)

t.test('a standby is read: snapshots, what changed, exports', async (t) => {
  const snapshot = await takeSnapshot()
  t.match(snapshot, { status: 'completed', counts: { 'torture.entries': 2616 } })
  t.match(await post(`/snapshots/${snapshot['id']}/verifications`, {}), { ok: true })
  t.match(await post('/exports', { dataset: 'accounts', format: 'json' }), { status: 'completed' })

  await sql(primary.url, `UPDATE torture.accounts SET owner = 'other' WHERE id = 1`)
  await onStandby(`SELECT FROM pg_stat_wal_receiver WHERE flushed_lsn = pg_last_wal_replay_lsn()`)
  t.match(await get(`/snapshots/${snapshot['id']}/changes`), { items: [{ key: ['1'], kind: 'update' }] })
})

t.test('what would change a standby is refused, with nothing done', async (t) => {
  const before = await withClient(primary.url, (client) => stateOf(client, 'restored'))
  const snapshot = await takeSnapshot()
  t.match(await post('/restores', { snapshotId: snapshot['id'] }), { code: 'SOURCE_READ_ONLY' })
  const wanted = { dataset: 'accounts', target: 'records', scope: { keys: ['1'] } }
  const { planHash } = await post('/cleanups', wanted)
  const confirmed = await post('/cleanups', { ...wanted, confirmDelete: true, planHash })
  t.match(confirmed, { code: 'SOURCE_READ_ONLY', status: 409 })
  t.equal(await withClient(primary.url, (client) => stateOf(client, 'restored')), before)
})

t.test('a snapshot that stands in the way of what the standby replays is ended, and says so', async (t) => {
  // More than the buffers on the way hold: the standby is still sending it.
  await sql(
    primary.url,
    `INSERT INTO torture.entries (account_id, amount, note) SELECT 1, 0, repeat(md5(n::text), 320) FROM generate_series(1, 4000) AS n`,
  )
  wire.cutAfter(Infinity)
  t.match(await takeSnapshot(), { status: 'completed' })
  const halfway = wire.freezeAfter(wire.passed() / 2)
  const taken = takeSnapshot()
  await halfway
  await sql(primary.url, 'DELETE FROM torture.entries WHERE id % 3 = 0')
  await sql(primary.url, 'VACUUM torture.entries')
  await onStandby(`SELECT FROM pg_stat_database_conflicts WHERE datname = 'app' AND confl_snapshot > 0`)
  wire.thaw()
  t.equal(endOf(await taken), 'SOURCE_RECOVERY_CONFLICT')
  t.match(await takeSnapshot(), { status: 'completed' })
})
