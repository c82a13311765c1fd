import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { datasetFiles, loadDatasets } from '../../src/datasets/load.ts'
import { printProblem } from '../../src/datasets/problem-list.ts'
import { knownKeys } from '../../src/datasets/schema.ts'
import { examples, exampleSchema, load, valid, worldOf } from './fixtures.ts'

t.test('the five examples load as they are', async (t) => {
  const { catalog } = await worldOf(t, examples.map(exampleSchema).join('\n'))
  const files = await datasetFiles(fileURLToPath(new URL('../../examples', import.meta.url)))
  const { valid, invalid } = await loadDatasets(files, {
    environment: { TELEGRAM_BOT_TOKEN: 'a-secret-token', CHAT_DATA_RETENTION_DAYS: '90', TIMEZONE: '' },
    timezone: 'UTC',
    catalogOf: () => Promise.resolve(catalog),
  })
  t.same(
    [...invalid.values()].flatMap(({ problems }) => problems.map(printProblem)),
    [],
  )
  t.same([...valid.keys()].sort(), examples.toSorted())

  const chat = valid.get('chat')!
  t.equal(chat.timezone, 'Asia/Kuala_Lumpur', 'the default stands in for an empty variable')
  t.match(chat.policies.retention, { records: { age: '90d', grace: '7d', enabled: true } })
  t.equal(chat.policies.notify?.telegram?.botToken, 'a-secret-token')
  t.notMatch(
    JSON.stringify(chat.declaration),
    'a-secret-token',
    'secrets stay out of what goes into artifacts',
  )
  t.equal(chat.policies.notify?.email?.to, undefined, 'what comes out empty counts as not given')

  const videos = valid.get('video-library')!.root
  t.same(
    videos.key.map(({ name }) => name),
    ['name'],
  )
  t.same(
    videos.internal.map(({ name }) => name),
    ['id'],
  )
  t.same(
    videos.columns.map(({ name }) => name),
    ['name', 'description', 'colour', 'is_protected', 'created_at'],
  )
  const [assignments, suggestions] = videos.children
  t.match(assignments, { as: 'videos', name: 'video_library.category_videos', order: { name: 'position' } })
  t.same(
    assignments!.key.map(({ name }) => name),
    ['video_id'],
    'without the parent column',
  )
  t.same(
    assignments!.columns.map(({ name }) => name),
    ['video_id', 'position', 'added_at'],
  )
  t.match(assignments!.references, [
    {
      columns: [{ name: 'video_id' }],
      referencedColumns: [{ name: 'id' }],
      key: [{ name: 'youtube_id' }],
      missing: 'skip',
      within: false,
    },
  ])
  t.equal(assignments!.parent?.node, videos)
  t.same(
    suggestions!.internal.map(({ name }) => name),
    ['id'],
  )
  t.match(suggestions!.references[1], {
    columns: [{ name: 'manual_category_id' }],
    within: true,
    missing: 'null',
  })

  const imports = valid.get('legacy-import')!
  t.match(imports.files, {
    store: 'documents',
    key: { name: 'storage_key' },
    folder: [{ of: 'row', column: { name: 'category' } }],
  })
  t.match(imports.stats, [
    { name: 'totalDocuments', kind: 'count', node: { as: 'documents' }, where: [] },
    { name: 'categorizedCount', where: [{ column: { name: 'category' }, is: true }] },
    { name: 'totalBytes', kind: 'sum', column: { name: 'size_bytes' } },
  ])
  t.match(valid.get('deal-rooms')!.parties, {
    email: { name: 'email' },
    permissions: {
      delete: ['admin'],
      download: ['owner', 'broker', 'charterer', 'seller', 'buyer', 'admin'],
    },
  })
})

t.test('the reference names every key, and what it shows loads', async (t) => {
  const { catalog } = await worldOf(t, examples.map(exampleSchema).join('\n'))
  const text = await readFile(new URL('../../docs/datasets.md', import.meta.url), 'utf8')
  for (const key of knownKeys()) t.match(text, new RegExp(`\\b${key}\\b`), key)
  const [, example, stats] = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block!)
  t.ok(valid(load(example!, catalog)))
  t.ok(
    valid(
      load(
        `dataset: x\nrecords:\n  table: legacy_import.sessions\n  children: [{ table: legacy_import.documents, parent: session_id }]\n${stats}`,
        catalog,
      ),
    ).stats.length === 4,
  )
})
