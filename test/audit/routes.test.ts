import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { appendAudit } from '../../src/audit/append-audit.ts'
import { testApp } from '../support/app.ts'
import { bearer, forgetEverybody, movableClock } from '../support/people.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { ann, record } from './database.ts'

const clock = movableClock()
const databaseUrl = await testDatabase(t)
// Times must come out in UTC whatever the server's zone is.
await sql(
  databaseUrl,
  `ALTER DATABASE ${new URL(databaseUrl).pathname.slice(1)} SET timezone = 'Asia/Kolkata'`,
)
const app = await testApp(t, { clock, databaseUrl })

async function withEntries() {
  await forgetEverybody(app)
  clock.at = Date.parse('2026-11-20T10:00:00Z')
  const headers = await bearer(app, 'viewer')
  for (let i = 0; i < 12; i++) {
    clock.at += 1000
    const changes = {
      action: i % 2 ? 'snapshot.taken' : 'restore.applied',
      dataset: i % 3 ? 'chat' : 'video',
      entityIds: [`e${i}`, 'every'],
      outcome: i === 5 ? ('failed' as const) : ('done' as const),
      actor: i % 4 ? ann : nightly,
    }
    await app.orm.em.fork().transactional((em) => appendAudit(em, { ...record, ...changes }))
  }
  const get = async (path: string) => (await app.inject({ url: path, headers })).json()
  return { headers, get }
}

const nightly = {
  type: 'token' as const,
  id: '01900000-0000-7000-8000-000000000009',
  name: 'nightly',
  role: 'operator' as const,
}

const seqs = ({ items }: { items: { seq: number }[] }) => items.map(({ seq }) => seq)

t.test('the list is filtered by anything, newest first', async (t) => {
  const { get } = await withEntries()
  const all = await get('/api/audit')
  t.same(seqs(all), [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
  t.match(all.items[0], {
    at: '2026-11-20T10:00:12.000000Z',
    actor: { type: 'user', name: 'Ann Example', email: 'ann@example.com', role: 'admin' },
    metadata: { count: 3 },
    snapshotId: null,
    previousHash: all.items[1].hash,
  })
  const filters: [string, number[]][] = [
    ['action=snapshot.taken', [13, 11, 9, 7, 5, 3]],
    ['dataset=video', [11, 8, 5, 2]],
    ['entityId=e5', [7]],
    ['entityId=e5&entityType=snapshot', [7]],
    ['entityId=e5&entityType=restore', []],
    ['requestId=r-1&action=snapshot.taken', [13, 11, 9, 7, 5, 3]],
    ['outcome=failed', [7]],
    [`actor=${ann.id}`, [13, 12, 11, 9, 8, 7, 5, 4, 3]],
    ['actor=ann@example.com', [13, 12, 11, 9, 8, 7, 5, 4, 3]],
    ['actor=nightly', [10, 6, 2]],
    ['actor=nobody', []],
    ['from=2026-11-20T10:00:10Z', [13, 12, 11]],
    ['from=2026-11-20T11:00:01%2B01:00&to=2026-11-20T10:00:03Z', [3, 2]],
    ['action=snapshot.taken&dataset=video&entityId=every&actor=ann@example.com', [11, 5]],
  ]
  for (const [filter, expected] of filters) t.same(seqs(await get(`/api/audit?${filter}`)), expected, filter)
})

t.test('pages stay in place while entries are added', async (t) => {
  const { get } = await withEntries()
  const seen: number[] = []
  let cursor = ''
  do {
    const page = await get(`/api/audit?limit=5${cursor}`)
    seen.push(...seqs(page))
    await app.orm.em.fork().transactional((em) => appendAudit(em, record))
    cursor = page.nextCursor && `&cursor=${page.nextCursor}`
  } while (cursor)
  t.same(seen, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
})

t.test('an entry, by its id', async (t) => {
  const { get } = await withEntries()
  const { items } = await get('/api/audit?limit=1')
  t.same(await get(`/api/audit/${items[0].id}`), items[0])
  t.match(await get('/api/audit/01900000-0000-7000-8000-000000000000'), { code: 'AUDIT_ENTRY_NOT_FOUND' })
})

t.test('the chain is verified, against a published head too', async (t) => {
  const { get } = await withEntries()
  const whole = await get('/api/audit/verification')
  t.match(whole, {
    ok: true,
    entries: 13,
    head: { seq: 13 },
    problem: null,
    checkedAt: '2026-11-20T10:00:12.000Z',
  })
  const head = `${whole.head.seq}:${whole.head.hash}`
  t.match(await get(`/api/audit/verification?head=${head}`), { ok: true })
  t.match(await get('/api/audit/verification?head=13:short'), { status: 400 })
  await sql(
    app.config.databaseUrl!,
    'ALTER TABLE audit_entries DISABLE TRIGGER ALL; DELETE FROM audit_entries WHERE seq = 13',
  )
  t.match(await get('/api/audit/verification'), { ok: true })
  t.match(await get(`/api/audit/verification?head=${head}`), { ok: false, problem: { seq: 13, kind: 'cut' } })
  await sql(app.config.databaseUrl!, "UPDATE audit_entries SET metadata = '{}' WHERE seq = 4")
  t.match(await get('/api/audit/verification'), {
    ok: false,
    entries: 3,
    problem: { seq: 4, kind: 'edited' },
  })
})

t.test('the download is an entry itself, and can be checked outside', async (t) => {
  const { headers } = await withEntries()
  const answer = await app.inject({ url: '/api/audit/download', headers })
  t.match(answer.headers, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'content-disposition': 'attachment; filename=holdfast-audit-2026-11-20.ndjson',
  })
  const lines = answer.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines.at(-1), { seq: 14, action: 'audit.downloaded', actor: { type: 'token' } })
  const script = join(import.meta.dirname, '../../scripts/verify-audit.ts')
  const { status, stdout } = spawnSync(process.execPath, [script, '-'], {
    input: answer.body,
    encoding: 'utf8',
  })
  t.match({ status, stdout }, { status: 0, stdout: `OK: 14 entries; head 14:${lines.at(-1).hash}\n` })
})

t.test('a HEAD request downloads nothing', async (t) => {
  const { headers } = await withEntries()
  const answer = await app.inject({ method: 'HEAD', url: '/api/audit/download', headers })
  t.match({ status: answer.statusCode, body: answer.body }, { status: 200, body: '' })
  t.same(
    await sql(app.config.databaseUrl!, "SELECT 1 FROM audit_entries WHERE action = 'audit.downloaded'"),
    [],
  )
})
