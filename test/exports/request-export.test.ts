import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { sql } from '../support/postgres.ts'
import { snapshotService, take } from '../snapshots/service.ts'
import { csvRows, unzip } from './read-files.ts'
import { readPdf } from './read-pdf.ts'
import { contentOf, make } from './service.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** What the source itself says of the chat's sessions, by other means than the product's. */
const sessionsOf = (source: string, where = 'true') =>
  sql(
    source,
    `SELECT s.id::text, s.subject, count(m.id)::int AS messages FROM chat.sessions s
       LEFT JOIN chat.messages m ON m.session_id = s.id WHERE ${where} GROUP BY s.id ORDER BY s.id`,
  )

t.test('exports', async (t: Test) => {
  const service = await snapshotService(t)
  const { source, call } = service

  t.test('JSON holds the records with their children, one a line', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'json', title: 'All of it' })
    t.match(made, { status: 'completed', title: 'All of it', includeChildren: true, error: null })
    const content = await contentOf(service, made)
    t.equal(sha256(content), made.sha256)
    t.equal(content.length, made.bytes)
    const records = JSON.parse(content.toString()) as { id: string; messages: { id: string }[] }[]
    const wanted = await sessionsOf(source)
    t.same(
      records.map(({ id, messages }) => [id, messages.length]),
      wanted.map(({ id, messages }) => [id, messages]),
    )
    const lines = content.toString().trimEnd().split('\n')
    t.equal(lines.length, records.length + 2)
    for (const [i, line] of lines.slice(1, -1).entries())
      t.same(JSON.parse(line.replace(/,$/, '')), records[i])
    t.type((records[0] as { metadata?: unknown }).metadata, 'object', 'documents are nested, not text')
    t.same(made.counts, {
      'chat.sessions': records.length,
      'chat.messages': records.reduce((sum, { messages }) => sum + messages.length, 0),
    })
  })

  t.test('without children, only the records', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'json', includeChildren: false })
    const records = JSON.parse((await contentOf(service, made)).toString()) as object[]
    t.notOk(records.some((record) => 'messages' in record))
    t.same(made.counts, { 'chat.sessions': records.length })

    const csv = await make(service, { dataset: 'chat', format: 'csv', includeChildren: false })
    t.match(csv.fileName, /^chat_all_\d{8}T\d{6}Z\.csv$/)
    const { raw } = await call('GET', `/exports/${csv.id}/content`)
    t.equal(raw.headers['content-type'], 'text/csv; charset=utf-8; header=present')
    const rows = csvRows(raw.body)
    t.same(
      rows.map(({ id, subject }) => ({ id, subject })),
      (await sessionsOf(source)).map(({ id, subject }) => ({ id, subject })),
    )
  })

  t.test('CSV with children is a zip of a file for each table', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'csv' })
    t.match(made.fileName, /\.zip$/)
    const files = await unzip(await contentOf(service, made))
    t.same([...files.keys()], ['README.txt', 'chat.sessions.csv', 'chat.messages.csv'])
    t.match(files.get('README.txt'), 'not for restoring')
    const rows = csvRows(files.get('chat.messages.csv')!)
    const wanted = await sql(source, 'SELECT * FROM chat.messages ORDER BY session_id, id')
    t.same(
      rows.map((row) => [row['sessions.id'], row['id'], row['content']]),
      wanted.map(({ session_id, id, content }) => [session_id, id, content]),
    )
  })

  t.test('scopes: a month, a period, keys, and a month without records', async (t) => {
    const month = await make(service, { dataset: 'chat', format: 'json', scope: { month: '2026-10' } })
    const inMonth = `s.created_at >= '2026-09-30T16:00:00Z' AND s.created_at < '2026-10-31T16:00:00Z'`
    const wanted = await sessionsOf(source, inMonth)
    t.ok(wanted.length > 0)
    t.equal(month.counts['chat.sessions'], wanted.length)
    t.match(month.fileName, /^chat_2026-10_\d{8}T\d{6}Z\.json$/)
    const period = await make(service, {
      ...{ dataset: 'chat', format: 'csv', includeChildren: false },
      scope: { from: '2026-10-01', to: '2026-11-01' },
    })
    t.equal(csvRows((await contentOf(service, period)).toString()).length, wanted.length)
    const one = await make(service, { dataset: 'chat', format: 'json', scope: { keys: ['7'] } })
    t.match(JSON.parse((await contentOf(service, one)).toString()), [{ id: '7' }])

    const empty = { dataset: 'chat', scope: { month: '1999-01' } }
    const json = await make(service, { ...empty, format: 'json' })
    t.match(json, { status: 'completed', counts: { 'chat.sessions': 0 }, warnings: [/empty/] })
    t.same(JSON.parse((await contentOf(service, json)).toString()), [])
    const csv = await make(service, { ...empty, format: 'csv' })
    const files = await unzip(await contentOf(service, csv))
    t.match(files.get('chat.sessions.csv'), /^id,subject,.*\r\n$/)
    t.match(files.get('chat.messages.csv'), /^sessions\.id,id,.*\r\n$/)
  })

  t.test('PDF is a document', async (t) => {
    const made = await make(service, {
      dataset: 'chat',
      format: 'pdf',
      scope: { keys: ['7'] },
      title: 'For Ana',
    })
    t.match(made, { status: 'completed', counts: { 'chat.sessions': 1 } })
    const { title, pages } = await readPdf(await contentOf(service, made))
    t.equal(title, 'For Ana')
    t.match(pages[0], /For Ana\nChat/)
    const { raw } = await call('GET', `/exports/${made.id}/content`)
    t.equal(raw.headers['content-type'], 'application/pdf')
  })

  t.test('the manifest says what was asked, counted and hashed', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'csv', scope: { month: '2026-10' } })
    const { body } = await call('GET', `/exports/${made.id}/manifest`)
    t.match(body, {
      query: { dataset: 'chat', scope: { month: '2026-10' }, format: 'csv', includeChildren: true },
      counts: made.counts,
      takenAt: made.takenAt,
      file: { name: made.fileName, sha256: made.sha256, bytes: made.bytes },
      note: /not for restoring/,
    })
    const { columns } = body.query as { columns: Record<string, Record<string, string>> }
    t.equal(columns['chat.messages']!['id'], 'bigint')
    const stored = await service.app.stores.main.get(`${made.key}.manifest.json`)
    t.match(JSON.parse((await stored.toArray()).join('')), body, 'as it lies beside the file')
  })

  t.test('downloads: ranges, digests, a name, an entry in the audit log', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'json', scope: { keys: ['7'] } })
    const path = `/exports/${made.id}/content`
    const head = await call('HEAD', path)
    t.match(head.raw.headers, {
      'content-length': String(made.bytes),
      etag: `"${made.sha256}"`,
      'repr-digest': `sha-256=:${Buffer.from(made.sha256, 'hex').toString('base64')}:`,
      'content-disposition': /attachment; filename="?chat_7_/,
    })
    const part = await call('GET', path, undefined, { range: 'bytes=0-0' })
    t.match([part.status, part.raw.body], [206, '['])
    const { body } = await call('GET', `/audit?entityId=${made.id}&action=export.downloaded`)
    t.equal(body.items.length, 1, 'and not for the HEAD')
    t.match(body.items[0], { metadata: { sha256: made.sha256, range: 'bytes=0-0' } })
    const all = await call('GET', `/audit?entityId=${made.id}`)
    t.same(
      all.body.items.map(({ action }) => action),
      ['export.downloaded', 'export.completed', 'export.started', 'export.requested'],
    )
  })

  t.test('what is wrong with a request is said', async (t) => {
    const ask = async (body: object) => (await call('POST', '/exports', body)).body
    t.match(await ask({ dataset: 'chat', format: 'xlsx' }), { status: 400 })
    t.match(await ask({ dataset: 'chat', format: 'json', more: 1 }), { status: 400 })
    t.match(await ask({ dataset: 'nothing', format: 'json' }), { code: 'DATASET_UNKNOWN' })
    t.match(await ask({ dataset: 'chat', format: 'json', scope: { keys: ['999999'] } }), {
      code: 'SCOPE_EMPTY',
    })
    t.match(await ask({ dataset: 'chat', format: 'json', expiresAt: '2020-01-01T00:00:00Z' }), {
      code: 'EXPORT_OPTIONS_INVALID',
      errors: [{ pointer: '/expiresAt' }],
    })
  })

  t.test('a gate asks for a fresh snapshot, unless it is skipped', async (t) => {
    const wanted = { dataset: 'legacy-import', format: 'json' }
    const refused = await call('POST', '/exports', wanted)
    t.match(refused.body, { code: 'SNAPSHOT_REQUIRED', gate: { operation: 'export' } })
    const skipped = await make(service, { ...wanted, skipSnapshotCheck: true })
    t.match(skipped.gate, { skipped: true })
    const snapshot = await take(service, { dataset: 'legacy-import' })
    const made = await make(service, wanted)
    t.match(made.gate, { skipped: false, snapshotId: snapshot.id })
  })

  t.test('lists are filtered and paged', async (t) => {
    const { body } = await call('GET', '/exports?format=json&dataset=chat&status=completed&limit=2')
    t.equal(body.items.length, 2)
    t.ok(body.items.every(({ format }) => format === 'json'))
    const next = await call(
      'GET',
      `/exports?format=json&dataset=chat&status=completed&limit=2&cursor=${body.nextCursor}`,
    )
    t.ok(next.body.items[0]!.id < body.items[1]!.id)
    t.same((await call('GET', '/exports?status=failed')).body.items, [])
    t.same((await call('GET', '/exports?to=2020-01-01T00:00:00Z')).body.items, [])
  })

  t.test('deleting one removes its bytes', async (t) => {
    const made = await make(service, { dataset: 'chat', format: 'json', scope: { keys: ['7'] } })
    t.equal((await call('DELETE', `/exports/${made.id}`)).status, 204)
    t.match((await call('GET', `/exports/${made.id}/content`)).body, { code: 'EXPORT_NOT_FOUND' })
    t.equal(await service.app.stores.main.head(made.key), null)
    t.equal(await service.app.stores.main.head(`${made.key}.manifest.json`), null)
  })
})
