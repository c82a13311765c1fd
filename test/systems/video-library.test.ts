import { join } from 'node:path'
import t from 'tap'
import { sql, testDatabase } from '../support/postgres.ts'
import { listeningService, token } from './service.ts'
import { openWalk, readJson } from './walk.ts'

t.test('video-library, as its README.md walks through it', async (t) => {
  const source = await testDatabase(t)
  const walk = await openWalk(t, 'video-library')
  const { section } = walk
  const store = join(walk.shell.folder, 'store')
  await walk.shell.set({ SOURCE_URL: source, STORE: store })
  await walk.shell.run('mkdir "$STORE"')
  await section('Fill a database')
  const service = await listeningService(t, source, { HOLDFAST_STORE_URL: `file:${store}` })
  await walk.shell.set({ HOLDFAST_URL: service.url, HOLDFAST_BOOTSTRAP_TOKEN: token })
  await section('The system')
  const before = await library(source)

  await section('Snapshots of everything or of one category', async (t) => {
    const { counts, bytes } = await readJson<Snapshot>(walk, 'everything.json')
    const [rows] = await sql(
      source,
      `SELECT (SELECT count(*)::int FROM video_library.categories) AS categories,
              (SELECT count(*)::int FROM video_library.category_videos) AS assignments,
              (SELECT count(*)::int FROM video_library.ml_categorizations) AS suggestions`,
    )
    t.strictSame(Object.values(counts), Object.values(rows!))
    t.ok(bytes > 1_000_000)
  })
  await section('Stable identifiers', async (t) => {
    const { records } = await readJson<{ records: Category[] }>(walk, 'artifact.json')
    t.strictSame(
      records
        .flatMap(({ name, videos }) =>
          videos.map(({ video_id: id, position }) => `${name} ${position} ${id.key}`),
        )
        .sort(),
      before.assignments,
      'assignments go by names and YouTube ids',
    )
    const names = new Set(records.flatMap((category) => Object.keys(category)))
    t.notOk(names.has('id'), 'serial ids stay inside')
  })
  await section('A sync goes wrong', async (t) => {
    const { videos } = (await sql(source, 'SELECT count(*)::int AS videos FROM video_library.videos'))[0]!
    t.equal(videos, 4_000, 'a fifth of the videos is gone')
  })
  const [{ id: uncategorised }] = (await sql(source, protectedId)) as [{ id: number }]
  await section('The restore', async (t) => {
    const after = await library(source)
    const left = await videos(source)
    const stays = (row: string) => left.has(row.split(' ').at(-1)!)
    t.strictSame(after.assignments, before.assignments.filter(stays), 'every assignment whose video is there')
    t.strictSame(after.suggestions, before.suggestions.filter(stays), 'every suggestion whose video is there')
    t.strictSame(after.categories, before.categories, 'every category, and no other')
    t.strictSame(await sql(source, protectedId), [{ id: uncategorised }], 'the protected one was not deleted')
    t.strictSame(await sql(source, transactions), [{ transactions: 1 }], 'one transaction')
    const { warnings, warningCount } = await readJson<Restore>(walk, 'restore.json')
    const missing = [...before.assignments, ...before.suggestions].filter((row) => !stays(row))
    t.equal(warningCount, missing.length, 'a warning for each row that was left out')
    t.ok(warnings.every(({ detail }) => missing.some((row) => detail.includes(row.split(' ').at(-1)!))))
  })
  await section('What came of it')
  await section('The operation log', async (t) => {
    for (const change of ['DELETE FROM audit_entries', "UPDATE audit_entries SET action = 'nothing'"])
      await t.rejects(sql(service.database, change), /audit/, 'nobody takes anything back')
  })
  await section('Pending changes')
  walk.end()
})

interface Snapshot {
  counts: { [table: string]: number }
  bytes: number
}

interface Category {
  name: string
  videos: { video_id: { key: string }; position: number }[]
}

interface Restore {
  warnings: { detail: string }[]
  warningCount: number
}

const protectedId = 'SELECT id FROM video_library.categories WHERE is_protected'

/** By how many transactions the rows were written that came back. */
const transactions = `SELECT count(DISTINCT writer)::int AS transactions FROM (
  SELECT xmin::text AS writer FROM video_library.category_videos
  UNION ALL SELECT xmin::text FROM video_library.ml_categorizations
  UNION ALL SELECT xmin::text FROM video_library.categories WHERE NOT is_protected) AS rows`

/** What people decided, by names and YouTube ids, the video's last. */
async function library(source: string) {
  const rows = async (text: string) => (await sql(source, text)).map(({ row }) => String(row)).sort()
  return {
    categories: await rows(`SELECT concat_ws(' ', name, description, colour, is_protected, created_at) AS row
                            FROM video_library.categories`),
    assignments:
      await rows(`SELECT concat_ws(' ', name, position, youtube_id) AS row FROM video_library.category_videos
      JOIN video_library.categories c ON c.id = category_id JOIN video_library.videos v ON v.id = video_id`),
    suggestions: await rows(`SELECT concat_ws(' ', c.name, confidence, accepted, m.name, youtube_id) AS row
      FROM video_library.ml_categorizations s JOIN video_library.categories c ON c.id = suggested_category_id
      JOIN video_library.videos v ON v.id = video_id LEFT JOIN video_library.categories m ON m.id = manual_category_id`),
  }
}

async function videos(source: string): Promise<Set<unknown>> {
  return new Set(
    (await sql(source, 'SELECT youtube_id FROM video_library.videos')).map((row) => row['youtube_id']),
  )
}
