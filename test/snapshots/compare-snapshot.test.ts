import t from 'tap'
import { sql } from '../support/postgres.ts'
import { snapshotService, take, type Body } from './service.ts'

interface Change {
  table: string
  record: unknown[]
  key: unknown[]
  kind: string
  fields: { name: string; before: unknown; after: unknown }[]
}

const changesIn = (body: Body) => body.items as unknown as Change[]

t.test('what differs in the source now', async (t) => {
  const service = await snapshotService(t)
  const { call, source } = service
  const { id } = await take(service, { dataset: 'video-library' })
  const compare = async (query = '') => (await call('GET', `/snapshots/${id}/changes${query}`)).body

  t.test('nothing', async (t) => {
    const body = await compare()
    const [counted] = await sql(
      source,
      `SELECT (SELECT count(*)::int FROM video_library.categories) AS categories,
              (SELECT count(*)::int FROM video_library.category_videos) AS videos,
              (SELECT count(*)::int FROM video_library.ml_categorizations) AS suggestions`,
    )
    const same = { create: 0, update: 0, delete: 0 }
    t.match(body, {
      snapshotId: id,
      summary: [
        { table: 'video_library.categories', ...same, keep: counted!['categories'] },
        { table: 'video_library.category_videos', ...same, keep: counted!['videos'] },
        { table: 'video_library.ml_categorizations', ...same, keep: counted!['suggestions'] },
      ],
      items: [],
      notes: [],
      nextCursor: null,
    })
  })

  t.test('rows that were created, updated and deleted, field by field', async (t) => {
    const [first, second] = await sql(
      source,
      'SELECT id, name FROM video_library.categories ORDER BY name COLLATE "C"',
    )
    const [moved] = await sql(
      source,
      `UPDATE video_library.category_videos SET position = position + 1000
        WHERE (category_id, video_id) = (SELECT category_id, video_id FROM video_library.category_videos
                                          WHERE category_id = $1 ORDER BY video_id LIMIT 1)
        RETURNING position, (SELECT youtube_id FROM video_library.videos WHERE id = video_id) AS video`,
      [first!['id']],
    )
    await sql(source, `UPDATE video_library.categories SET description = 'changed' WHERE id = $1`, [
      first!['id'],
    ])
    const deleted = await sql(
      source,
      'DELETE FROM video_library.category_videos WHERE category_id = $1 RETURNING 1',
      [second!['id']],
    )
    await sql(source, `INSERT INTO video_library.categories (name, colour) VALUES ('~ new', '#abcdef')`)

    const body = await compare()
    t.match(body['summary'], [
      { table: 'video_library.categories', create: 1, update: 1, delete: 0 },
      { table: 'video_library.category_videos', create: 0, update: 1, delete: deleted.length },
      { table: 'video_library.ml_categorizations', create: 0, update: 0, delete: 0 },
    ])
    const all = changesIn(body)
    t.match(all[0], {
      table: 'video_library.categories',
      record: [first!['name']],
      key: [first!['name']],
      kind: 'update',
      fields: [{ name: 'description', after: 'changed' }],
    })
    t.equal(all[0]!.fields.length, 1, 'only what differs')
    const position = Number(moved!['position'])
    t.match(all[1], {
      table: 'video_library.category_videos',
      record: [first!['name']],
      key: [moved!['video']],
      kind: 'update',
      fields: [{ name: 'position', before: position - 1000, after: position }],
    })
    t.match(
      all.find(({ kind }) => kind === 'create'),
      { record: ['~ new'], fields: [{ name: 'name', before: null, after: '~ new' }] },
    )
    t.equal(all.filter(({ kind }) => kind === 'delete').length, deleted.length)
    t.ok(all.filter(({ kind }) => kind === 'delete').every(({ record }) => record[0] === second!['name']))

    t.test('page by page, the same', async (t) => {
      for (const limit of [1, 2, 3]) {
        const collected: Change[] = []
        let cursor: string | null = ''
        for (let page = 0; cursor !== null; page++) {
          const body: Body = await compare(`?limit=${limit}${cursor && `&cursor=${cursor}`}`)
          t.equal(body['summary'] === null, page > 0, 'the summary is on the first page')
          t.ok(body.items.length <= limit)
          collected.push(...changesIn(body))
          cursor = body.nextCursor
        }
        t.same(collected, all, `by ${limit}`)
      }
    })

    t.test('of one table', async (t) => {
      const body = await compare('?table=video_library.categories&limit=1')
      t.same(changesIn(body), all.filter(({ table }) => table === 'video_library.categories').slice(0, 1))
      const rest = await compare(`?table=video_library.categories&cursor=${body.nextCursor}`)
      t.same(changesIn(rest), all.filter(({ table }) => table === 'video_library.categories').slice(1))
    })

    t.equal((await compare('?cursor=WzFd')).code, 'CURSOR_INVALID')
  })
})

t.test('a record that left the period is changed, not deleted', async (t) => {
  const service = await snapshotService(t)
  const { id } = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  const [moved] = await sql(
    service.source,
    `UPDATE chat.sessions SET created_at = '2027-03-01Z'
      WHERE id = (SELECT min(id) FROM chat.sessions WHERE created_at >= '2026-10-05Z') RETURNING id::text`,
  )
  const { body } = await service.call('GET', `/snapshots/${id}/changes`)
  t.match(body['summary'], [{ table: 'chat.sessions', create: 0, update: 1, delete: 0 }, { keep: /\d/ }])
  t.match(changesIn(body), [{ record: [moved!['id']], kind: 'update', fields: [{ name: 'created_at' }] }])
})

t.test('a column that came later is said, and left out', async (t) => {
  const service = await snapshotService(t)
  const { id } = await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
  await sql(service.source, `ALTER TABLE chat.sessions ADD COLUMN mood text DEFAULT 'calm'`)
  await service.app.datasets.reload()
  const { body } = await service.call('GET', `/snapshots/${id}/changes`)
  t.match(body, { items: [], notes: [/chat\.sessions\.mood came after the snapshot/] })
})
