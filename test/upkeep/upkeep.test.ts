import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { sql } from '../support/postgres.ts'
import { take, type Body } from '../snapshots/service.ts'
import { retentionService } from '../retention/service.ts'

const script = fileURLToPath(new URL('../../scripts/verify-audit.ts', import.meta.url))

const service = await retentionService(t, { TELEGRAM_CHAT_ID: '7' })
const { app, call, run, clock, folder, notices } = service
const url = app.config.databaseUrl!
const day = 86_400_000

t.test('every artifact is read again within 30 days, a share each day', async (t) => {
  for (let i = 0; i < 6; i++) await take(service, { dataset: 'conversations', expiresAt: null })
  const oldest = async () => {
    const [row] = await sql(url, 'SELECT min(verified_at) AS at FROM snapshots')
    return (row!['at'] as Date).getTime()
  }
  const start = clock.at
  const read: number[] = []
  for (let days = 1; days <= 30; days++) {
    clock.at = start + days * day
    read.push((await run('store.check')).counts['read']!)
    t.ok(clock.at - (await oldest()) <= 30 * day)
  }
  t.ok((await oldest()) > start, 'all of them')
  t.equal(Math.max(...read), 1, 'not all on one day')
  clock.at += 40 * day
  t.match(await run('store.check'), { counts: { read: 6 } }, 'after a downtime all that are overdue')
})

t.test('one that is not what was written is found and announced, once', async (t) => {
  const { id, key } = await take(service, { dataset: 'conversations' })
  const file = join(folder, key)
  const bytes = await readFile(file)
  bytes[20]! ^= 1
  await writeFile(file, bytes)
  clock.at += 30 * day
  t.match(await run('store.check'), { status: 'completed', counts: { read: 7, damaged: 1 } })
  t.match((await call('GET', `/snapshots/${id}`)).body, {
    status: 'failed',
    error: { code: 'SNAPSHOT_CORRUPT' },
  })
  await call('POST', `/snapshots/${id}/verifications`)
  t.match(await notices(), [/^verification_failed snapshot 202/])
  t.equal((await notices()).length, 1)
})

t.test('old runs are forgotten, uploads that died are swept', async (t) => {
  await run('store.sweep')
  clock.at += 401 * day
  t.match(await run('store.sweep'), { status: 'completed', counts: { removed: 0 } })
  const forgotten = (await run('runs.history')).counts['runs']!
  t.ok(forgotten > 30)
  t.equal((await call('GET', '/schedules/store.sweep/runs')).body.items.length, 1)
  t.equal((await call('GET', '/schedules/store.check/runs')).body.items.length, 0)
})

t.test('old notices are forgotten, but for those that wait and those that something waits for', async (t) => {
  const wanted = { dataset: 'chat', scope: { keys: [3] }, target: 'records' }
  const { planHash } = (await call('POST', '/cleanups', wanted)).body
  const confirmed = { ...wanted, confirmDelete: true, planHash, dueAt: '2999-01-01T00:00:00Z' }
  const { id } = (await call('POST', '/cleanups', confirmed)).body
  await sql(
    url,
    `INSERT INTO notices (id, event, about_type, about_id, key, channel, lane, facts, status, attempts, next_attempt_at,
       give_up_at, maybe_repeated, delivered_at, error, created_at)
     SELECT gen_random_uuid(), 'cleanup_planned', 'cleanup', about, status || age, 'email', 'nowhere', '{}', status, 1,
       '2999-01-01', '2999-01-01', false, CASE status WHEN 'delivered' THEN now() END,
       CASE status WHEN 'failed' THEN '{}'::jsonb END, $1::timestamptz - age * interval '1 day'
     FROM unnest(ARRAY['delivered', 'failed', 'pending']) AS status, unnest(ARRAY[10, 401]) AS age,
       unnest(ARRAY['gone', $2]) AS about`,
    [new Date(clock.at), id],
  )
  t.match(await run('notices.history'), { status: 'completed' })
  const left = await sql(
    url,
    "SELECT about_id = 'gone' AS gone, key FROM notices WHERE lane = 'nowhere' AND key ~ '401' ORDER BY 1, 2",
  )
  t.same(
    left.map(({ gone, key }) => `${String(gone)} ${String(key)}`),
    ['false delivered401', 'false failed401', 'false pending401', 'true pending401'],
    'whether a cleanup was announced is still known',
  )
  const young = await sql(url, "SELECT 1 FROM notices WHERE lane = 'nowhere' AND key ~ '10$'")
  t.equal(young.length, 6)
  await sql(url, "DELETE FROM notices WHERE lane = 'nowhere'")
})

t.test("the chain's head is in the store, and a tail that was cut off is found by it", async (t) => {
  clock.at = Date.parse('2028-11-20T10:00:00Z')
  const verify = async () => (await call('GET', '/audit/verification')).body
  t.match(await verify(), { ok: true, published: null })
  const done = await run('audit.head')
  t.match(done, { status: 'completed', note: /^audit\/heads\/2028-11-20\.json: / })
  const path = join(folder, 'audit/heads/2028-11-20.json')
  const head = JSON.parse(await readFile(path, 'utf8'))
  t.match(head, { holdfast: 'audit-head-1', seq: Number, hash: /^[0-9a-f]{64}$/, publishedAt: /^2028-11-20/ })
  t.match((await run('audit.head')).note, /is there already/)
  clock.at += day
  await run('audit.head')
  t.same(await readdir(join(folder, 'audit/heads')), ['2028-11-20.json', '2028-11-21.json'])
  const newest = JSON.parse(await readFile(join(folder, 'audit/heads/2028-11-21.json'), 'utf8'))
  t.match(await verify(), { ok: true, published: { seq: newest.seq, hash: newest.hash } })
  t.match(await outside(url, path), /^OK: \d+ entries/)

  await writeFile(join(folder, 'audit/heads/2028-11-21.json'), JSON.stringify({ ...newest, seq: 1 }))
  t.match(await verify(), { ok: true, published: { seq: head.seq } }, 'one that was altered does not count')

  await sql(
    url,
    `ALTER TABLE audit_entries DISABLE TRIGGER audit_forbid;
     DELETE FROM audit_entries WHERE seq >= ${head.seq};
     ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_forbid`,
  )
  t.match(await verify(), { ok: false, problem: { seq: head.seq, kind: 'cut' } } as unknown as Body)
  t.match(await outside(url, path), /^BROKEN at entry \d+ .*cut/)
  t.match(await outside(url, join(folder, 'audit/heads/2028-11-21.json')), /not as it was written/)
})

/** What the script says that shares no code with the service. */
function outside(url: string, head: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, url, head], (_error, stdout, stderr) => resolve(stdout || stderr))
  })
}
