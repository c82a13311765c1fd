import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { s3Server } from '../support/s3-server.ts'
import { damage, readObject } from './read-store.ts'
import { caller, snapshotService, take, type Body } from './service.ts'
import { testApp } from '../support/app.ts'

const script = fileURLToPath(new URL('../../scripts/recover.ts', import.meta.url))

t.test('the list of snapshots comes back from the store alone', async (t) => {
  const { url: storeUrl } = await s3Server(t)
  const service = await snapshotService(t, { storeUrl })
  const { call } = service
  const taken = [
    await take(service, {
      dataset: 'chat',
      scope: { month: '2026-10' },
      title: 'October',
      trigger: 'scheduled',
    }),
    await take(service, { dataset: 'chat', scope: { keys: ['1', '2'] }, expiresAt: '2030-01-01T00:00:00Z' }),
    await take(service, { dataset: 'video-library', note: 'naïve “note”' }),
    await take(service, { dataset: 'deal-rooms' }),
  ]
  await call('PATCH', `/snapshots/${taken[0]!.id}`, { hold: true, note: 'kept for the auditor' })
  const gone = await take(service, { dataset: 'chat', scope: { month: '2026-09' } })
  await call('DELETE', `/snapshots/${gone.id}`)
  const before = (await call('GET', '/snapshots')).body.items

  const databaseUrl = await testDatabase(t)
  const environment = { ...service.environment, DATABASE_URL: databaseUrl }
  t.match(await recover(environment), { code: 0, output: /4 recovered\n$/ })

  const app = await testApp(t, { environment, databaseUrl })
  const after = (await caller(app)('GET', '/snapshots')).body.items
  t.same(after.map(lasting), before.map(lasting), 'the same list, with the same checksums')
  for (const { id } of taken)
    t.match((await caller(app)('POST', `/snapshots/${id}/verifications`)).body, { ok: true })

  t.test('again changes nothing', async (t) => {
    const rows = await sql(databaseUrl, 'SELECT * FROM snapshots ORDER BY id')
    t.match(await recover(environment), { code: 0, output: /4 listed already\n$/ })
    t.same(await sql(databaseUrl, 'SELECT * FROM snapshots ORDER BY id'), rows)
    const entries = await sql(databaseUrl, `SELECT 1 FROM audit_entries WHERE action = 'snapshot.recovered'`)
    t.equal(entries.length, 4, 'each recovery is audited once')
  })

  t.test('what cannot be relied on is reported and not listed', async (t) => {
    const store = openStore(storeUrl)
    const [october, keys, videos, rooms] = taken.map(({ key }) => key) as [string, string, string, string]
    await store.delete(`${october}.manifest.json`)
    await store.delete(keys)
    await store.put(videos, (await readObject(store, videos)).subarray(1))
    await store.put(`${rooms}.manifest.json`, Buffer.from('{"holdfast":1}'))
    await store.put('backups/someone/else.txt', Buffer.from('not ours'))
    const fresh = { ...environment, DATABASE_URL: await testDatabase(t) }
    const { code, output } = await recover(fresh)
    t.equal(code, 1)
    t.match(output, `${october}: incomplete`)
    t.match(output, `${keys}: not recovered: artifact missing`)
    t.match(output, `${videos}: damaged`)
    t.match(output, `${rooms}: not recovered: unreadable manifest`)
    t.notMatch(output, /else\.txt|1 recovered/)
  })
})

t.test('--verify reads every artifact again', async (t) => {
  const service = await snapshotService(t)
  const good = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  const bad = await take(service, { dataset: 'chat', scope: { month: '2026-09' } })
  await damage(service.app.stores.main, bad.key)
  const environment = { ...service.environment, DATABASE_URL: await testDatabase(t) }
  t.match(await recover(environment, '--verify'), { code: 1, output: new RegExp(`${bad.key}: damaged`) })
  const rows = await sql(environment.DATABASE_URL, 'SELECT id, status, error FROM snapshots ORDER BY id')
  t.match(rows, [
    { id: good.id, status: 'completed', error: null },
    { id: bad.id, status: 'failed', error: { code: 'SNAPSHOT_CORRUPT' } },
  ])
})

t.test('a store that cannot be reached ends it in one line', async (t) => {
  const databaseUrl = await testDatabase(t)
  const environment = { DATABASE_URL: databaseUrl, HOLDFAST_STORE_URL: 'file:/nonexistent/store' }
  const { code, output } = await recover(environment)
  t.equal(code, 2)
  t.match(output, /^holdfast: .*store/m)
})

/** All but what a new database counts anew. */
function lasting(snapshot: Body): object {
  return { ...snapshot, attempts: null, startedAt: null }
}

async function recover(environment: Record<string, string>, ...options: string[]) {
  const run = promisify(execFile)(process.execPath, [script, ...options], {
    env: { PATH: process.env['PATH'], ...environment },
  })
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      output: stdout + stderr,
    }),
  )
}
