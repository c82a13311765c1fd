import pg from 'pg'
import t, { type Test } from 'tap'
import { generate as chat } from '../../examples/chat/generate.ts'
import { generate as conversations } from '../../examples/conversations/generate.ts'
import { generate as dealRooms } from '../../examples/deal-rooms/generate.ts'
import { fileContent } from '../../examples/legacy-import/file-names.ts'
import { generate as legacyImport } from '../../examples/legacy-import/generate.ts'
import { createSchema, exampleNames, type ExampleName } from '../../examples/load.ts'
import { generate as videoLibrary } from '../../examples/video-library/generate.ts'
import { sql, testDatabase } from '../support/postgres.ts'

type Generate = (client: pg.Client, seed: number) => Promise<void>

const now = new Date('2026-11-20T17:30:00Z')

const small: Record<ExampleName, Generate> = {
  'legacy-import': (client, seed) =>
    legacyImport(client, { seed, now, sessions: 2, documents: 12, categories: 3 }),
  'video-library': (client, seed) => videoLibrary(client, { seed, now, categories: 4, videos: 20 }),
  conversations: (client, seed) => conversations(client, { seed, now, conversations: 5, turns: 3 }),
  chat: (client, seed) => chat(client, { seed, now, sessions: 20, messages: 5 }),
  'deal-rooms': (client, seed) => dealRooms(client, { seed, now, rooms: 3, messages: 6 }),
}

const large: Record<ExampleName, Generate> = {
  'legacy-import': (client, seed) =>
    legacyImport(client, { seed, now, sessions: 1, documents: 8_000, categories: 12 }),
  'video-library': (client, seed) => videoLibrary(client, { seed, now, categories: 40, videos: 5_000 }),
  conversations: (client, seed) => conversations(client, { seed, now, conversations: 2_000, turns: 10 }),
  chat: (client, seed) => chat(client, { seed, now, sessions: 4_000, messages: 20 }),
  'deal-rooms': (client, seed) => dealRooms(client, { seed, now, rooms: 200, messages: 30 }),
}

for (const name of exampleNames)
  t.test(name, async (t) => {
    const digests = []
    for (const [generate, seed] of [
      [small[name], 1],
      [small[name], 1],
      [small[name], 2],
      [large[name], 1],
      [large[name], 1],
    ] as const)
      digests.push(await digest(await filled(t, name, (client) => generate(client, seed))))
    const [first, same, otherSeed, larger, sameLarger] = digests
    t.strictSame(first, same, 'the same seed gives the same rows')
    t.strictSame(larger, sameLarger, 'at any size')
    for (const table of Object.keys(first!)) t.ok(first![table]!.rows > 0, `${table} has rows`)
    t.notSame(first, otherSeed, 'another seed gives others')
  })

/** @returns the address of a database that has the example in it */
async function filled(
  t: Test,
  name: ExampleName,
  generate: (client: pg.Client) => Promise<void>,
): Promise<string> {
  const url = await testDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await createSchema(client, name)
    await generate(client)
  } finally {
    await client.end()
  }
  return url
}

/** Number of rows and a digest of each table, whatever order its rows are in. */
async function digest(url: string): Promise<Record<string, { rows: number; md5: string }>> {
  const tables = await sql(
    url,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const digests: Record<string, { rows: number; md5: string }> = {}
  for (const { name } of tables) {
    const [row] = await sql(
      url,
      `SELECT count(*)::int AS rows, md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) AS md5
       FROM ${String(name)} r`,
    )
    digests[String(name)] = row as { rows: number; md5: string }
  }
  return digests
}

t.test(
  'chat: 14 months in the order of time, the exact number of messages, nothing yet to come',
  async (t) => {
    const url = await filled(t, 'chat', (client) => large.chat(client, 3))
    const [facts] = await sql(
      url,
      `SELECT (SELECT count(*)::int FROM chat.messages) AS messages,
            (SELECT min(n)::int FROM (SELECT count(*) AS n FROM chat.messages GROUP BY session_id) counts) AS fewest,
            (SELECT max(sent_at) <= $1 FROM chat.messages) AS messages_past,
            max(ended_at) <= $1 AS sessions_past,
            bool_and(created_at >= previous) AS ordered,
            count(DISTINCT date_trunc('month', created_at AT TIME ZONE 'Asia/Kuala_Lumpur'))::int AS months,
            count(*) FILTER (WHERE date_trunc('month', created_at AT TIME ZONE 'Asia/Kuala_Lumpur')
                               <> date_trunc('month', created_at AT TIME ZONE 'UTC')) > 0 AS months_differ
     FROM (SELECT *, lag(created_at, 1, '-infinity') OVER (ORDER BY id) AS previous FROM chat.sessions) sessions`,
      [now],
    )
    t.strictSame(facts, {
      messages: 80_000,
      fewest: 2,
      messages_past: true,
      sessions_past: true,
      ordered: true,
      months: 15,
      months_differ: true,
    })
    const [added] = await sql(
      url,
      `INSERT INTO chat.sessions (subject, channel, language) VALUES ('new', 'web', 'en') RETURNING id::int`,
    )
    t.equal(added?.['id'], 4_001, 'and the sequences go on')
  },
)

t.test('legacy-import: counts and stats are true, and each document has a file of its size', async (t) => {
  const url = await filled(t, 'legacy-import', (client) => small['legacy-import'](client, 4))
  t.strictSame(
    await sql(
      url,
      `SELECT name FROM legacy_import.categories c WHERE document_count <> (
         SELECT count(*) FROM legacy_import.documents d WHERE (d.session_id, d.category) = (c.session_id, c.name))`,
    ),
    [],
  )
  t.strictSame(
    await sql(
      url,
      `SELECT stats FROM legacy_import.sessions s WHERE ((stats->>'totalDocuments')::int, (stats->>'categorizedCount')::int)
         <> (SELECT count(*), count(category) FROM legacy_import.documents WHERE session_id = s.id)`,
    ),
    [],
  )
  const files = await sql(url, 'SELECT storage_key, size_bytes::int FROM legacy_import.documents')
  const contents = files.map((file) => fileContent(String(file['storage_key']), Number(file['size_bytes'])))
  t.strictSame(
    contents.map(({ length }) => length),
    files.map((file) => file['size_bytes']),
  )
  t.equal(new Set(contents.map(String)).size, files.length, 'no two alike')
})

t.test('video-library: one protected category, and serial ids go on', async (t) => {
  const url = await filled(t, 'video-library', (client) => small['video-library'](client, 5))
  t.strictSame(await sql(url, 'SELECT name FROM video_library.categories WHERE is_protected'), [
    { name: 'Uncategorised' },
  ])
  const [added] = await sql(url, `INSERT INTO video_library.categories (name) VALUES ('New') RETURNING id`)
  t.equal(added?.['id'], 5)
})

t.test('deal-rooms: every role in every room, and answers to messages of the same room', async (t) => {
  const url = await filled(t, 'deal-rooms', (client) => large['deal-rooms'](client, 6))
  t.strictSame(
    await sql(
      url,
      'SELECT count(DISTINCT role)::int AS roles, count(*)::int AS rooms FROM (SELECT DISTINCT room_id, role FROM deal_rooms.parties) p',
    ),
    [{ roles: 6, rooms: 1_200 }],
  )
  t.strictSame(
    await sql(
      url,
      `SELECT bool_and(a.room_id = b.room_id) AS same, count(*) > 0 AS some
       FROM deal_rooms.messages a JOIN deal_rooms.messages b ON b.id = a.reply_to`,
    ),
    [{ same: true, some: true }],
  )
})
