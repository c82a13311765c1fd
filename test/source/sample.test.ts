import t from 'tap'
import { createSample } from '../../src/source/sample.ts'
import { sql, testDatabase } from '../support/postgres.ts'

const now = new Date('2026-11-20T12:00:00Z')

t.test('the sample has all five systems, once, at sizes that make pages interesting', async (t) => {
  const url = await testDatabase(t)
  t.equal(await createSample(url, now), true)
  const [counts] = await sql(
    url,
    `SELECT (SELECT count(*)::int FROM legacy_import.documents) AS documents,
            (SELECT count(*)::int FROM video_library.videos) AS videos,
            (SELECT count(*)::int FROM conversations.conversations) AS conversations,
            (SELECT count(*)::int FROM chat.sessions) AS sessions,
            (SELECT count(*)::int FROM deal_rooms.rooms) AS rooms`,
  )
  t.match(counts, { videos: 420, conversations: 240, sessions: 3_000, rooms: 24 })
  t.ok(Number(counts?.['documents']) > 400)
  t.equal(await createSample(url, now), false, 'a second start finds it')
})

t.test('of two that start at once one makes it', async (t) => {
  const url = await testDatabase(t)
  const made = await Promise.all([createSample(url, now), createSample(url, now)])
  t.strictSame(made.sort(), [false, true])
  t.strictSame(await sql(url, 'SELECT count(*)::int AS sessions FROM chat.sessions'), [{ sessions: 3_000 }])
})

t.test('a database that has one of the schemas is left as it is', async (t) => {
  const url = await testDatabase(t)
  await sql(url, 'CREATE SCHEMA deal_rooms')
  t.equal(await createSample(url, now), false)
  t.strictSame(await sql(url, "SELECT to_regnamespace('chat') AS chat"), [{ chat: null }])
})

t.test('when it fails nothing is left of it', async (t) => {
  const url = await testDatabase(t)
  await t.rejects(createSample(url, new Date('+275000-01-01T00:00:00Z')))
  t.strictSame(await sql(url, "SELECT to_regnamespace('legacy_import') AS left"), [{ left: null }])
})
