import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { graphServer } from '../support/graph-server.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { listeningService, token } from './service.ts'
import { openWalk, readJson } from './walk.ts'

t.test('legacy-import, as its README.md walks through it', async (t) => {
  const source = await testDatabase(t)
  const bucket = await s3Server(t)
  const graph = await graphServer(t)
  const walk = await openWalk(t, 'legacy-import')
  const { section } = walk
  await walk.shell.set({ SOURCE_URL: source, FILES_URL: bucket.url })
  const one = async (text: string) => (await sql(source, text))[0]!
  const objects = async () => (await objectsIn(bucket)).length

  await section('Fill a database and a bucket', async (t) => {
    t.equal(await objects(), 8040, 'each document has its file in the bucket')
  })
  const service = await listeningService(t, source, {
    HOLDFAST_STORE_DOCUMENTS_URL: bucket.url,
    GRAPH_API_URL: graph.url,
  })
  await walk.shell.set({ HOLDFAST_URL: service.url, HOLDFAST_BOOTSTRAP_TOKEN: token })
  await section('The system')
  const session = (await walk.shell.run('echo $SESSION')).trim()

  await section('A snapshot of one session', async (t) => {
    const { records } = await readJson<Artifact>(walk, 'artifact.json')
    t.strictSame(records.length, 1)
    const [{ categories, batches, documents, ...info }] = records as [Record]
    t.match(
      info,
      await one(`SELECT id, firm_id, archive_file_name, stats::text AS stats FROM legacy_import.sessions
                             WHERE id = '${session}'`),
    )
    t.strictSame(
      categories,
      await sql(
        source,
        `SELECT name, position, document_count FROM legacy_import.categories
                         WHERE session_id = '${session}' ORDER BY position`,
      ),
    )
    t.strictSame(
      Object.fromEntries(categories.map(({ name, document_count: count }) => [name, count])),
      countBy(documents.flatMap(({ category }) => category ?? [])),
      'the counts are those of the documents',
    )
    t.strictSame(
      documents.map(({ id, category, file_name: name, size_bytes: size }) => ({ id, category, name, size })),
      await sql(
        source,
        `SELECT id, category, file_name AS name, size_bytes::text AS size FROM legacy_import.documents
                         WHERE session_id = '${session}' ORDER BY file_name COLLATE "C", id`,
      ),
    )
    t.strictSame(
      batches.map(({ number, assigned_user_id: user }) => ({
        number,
        email: user?.key ?? null,
        name: user?.name ?? null,
      })),
      await sql(
        source,
        `SELECT number, email, name FROM legacy_import.batches b
                         LEFT JOIN legacy_import.users u ON u.id = assigned_user_id
                         WHERE session_id = '${session}' ORDER BY number`,
      ),
    )
  })

  await section('Where it is, and who knows of it', async (t) => {
    const { takenAt } = await readJson<{ takenAt: string }>(walk, 'snapshot.json')
    const { at } = await one(
      `SELECT last_snapshot_at AS at FROM legacy_import.sessions WHERE id = '${session}'`,
    )
    t.equal((at as Date).toISOString(), takenAt)
    t.match(await one('SELECT count(last_snapshot_at)::int AS sessions FROM legacy_import.sessions'), {
      sessions: 1,
    })
  })

  await service.goTo('2026-11-20T11:01:10Z')
  await section('No export without a fresh snapshot', async (t) => {
    const delivered = [...graph.files.values()].filter(({ path }) => /^Firm\/.*\//.test(path))
    t.equal(delivered.length, 8000)
    const ofSession = (await objectsIn(bucket)).filter((path) => path.includes(session))
    t.strictSame(
      countBy(delivered.map(({ path }) => path.split('/')[1]!)),
      countBy(
        (
          await sql(
            source,
            `SELECT coalesce(category, '(none)') AS folder FROM legacy_import.documents
                                  WHERE session_id = '${session}'`,
          )
        ).map(({ folder }) => safe(String(folder))),
      ),
      'in folders by category',
    )
    t.strictSame(
      new Set(delivered.map(({ bytes }) => bytes.toString('latin1'))),
      new Set(await Promise.all(ofSession.map((path) => readFile(path, 'latin1')))),
      'each with the bytes of its original, of which no two are alike',
    )
    t.strictSame(graph.violations, [])
  })

  await section('Nothing is deleted after an export', async (t) => {
    t.equal(await objects(), 8040)
    const { at } = await one(
      `SELECT cleanup_scheduled_at AS at FROM legacy_import.sessions WHERE id = '${session}'`,
    )
    t.match((at as Date).toISOString(), /^2026-11-27T11:/)
  })
  await section('Cleanup by hand', async (t) => t.equal(await objects(), 8020))
  await section('What is pending', async (t) => t.equal(await objects(), 8020))
  await service.setClock('2026-11-27T12:00:00Z')
  await section('A week later', async (t) => t.equal(await objects(), 8020))
  await service.goTo('2026-11-27T12:05:00Z')
  await section('When it is done', async (t) => {
    t.equal(await objects(), 20, 'but for the session that has no snapshot')
    t.match(await one('SELECT count(*)::int AS documents FROM legacy_import.documents'), { documents: 8040 })
  })
  walk.end()
})

interface Record {
  categories: { name: string; document_count: number }[]
  batches: { number: number; assigned_user_id: { key: string; name: string } | null }[]
  documents: { id: string; category: string | null; file_name: string; size_bytes: string }[]
}

interface Artifact {
  records: Record[]
}

function countBy(values: string[]): { [value: string]: number } {
  const counts: { [value: string]: number } = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

/** What OneDrive doesn't take in a name. */
function safe(name: string): string {
  return name.replace(/["*:<>?/\\|]/g, '_')
}

/** The objects of the bucket, as its server keeps them. */
async function objectsIn({ directory, bucket }: S3Server): Promise<string[]> {
  const folder = join(directory, bucket)
  const names = await readdir(folder, { recursive: true })
  return names.filter((name) => name.endsWith('._S3rver_object')).map((name) => join(folder, name))
}
