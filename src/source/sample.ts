import pg from 'pg'
import { generate as generateChat } from '../../examples/chat/generate.ts'
import { generate as generateConversations } from '../../examples/conversations/generate.ts'
import { generate as generateDealRooms } from '../../examples/deal-rooms/generate.ts'
import { generate as generateLegacyImport } from '../../examples/legacy-import/generate.ts'
import { createSchema, exampleNames } from '../../examples/load.ts'
import { generate as generateVideoLibrary } from '../../examples/video-library/generate.ts'

/** Any number will do as long as every version of the service uses the same one. */
const sampleLock = 7_230_519

/**
 * Fills an empty database with the five example systems, so that a first start has something to show. One transaction:
 * all of them or none, and of several that start at once one does it.
 * @param now what the data's dates are relative to
 * @returns false when one of the examples' schemas is there already: then nothing is touched
 */
export async function createSample(url: string, now: Date): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast sample' })
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [sampleLock])
    if (await isThere(client)) return false
    for (const name of exampleNames) await createSchema(client, name)
    await generate(client, now)
    await client.query('ANALYZE')
    await client.query('COMMIT')
    return true
  } finally {
    await client.end()
  }
}

async function isThere(client: pg.Client): Promise<boolean> {
  const schemas = exampleNames.map((name) => name.replaceAll('-', '_'))
  const found = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = ANY ($1)', [schemas])
  return found.rowCount !== 0
}

async function generate(client: pg.Client, now: Date): Promise<void> {
  await generateLegacyImport(client, { seed: 1, now, sessions: 6, documents: 400, categories: 8 })
  await generateVideoLibrary(client, { seed: 2, now, categories: 16, videos: 420 })
  await generateConversations(client, { seed: 3, now, conversations: 240, turns: 8 })
  await generateChat(client, { seed: 4, now, sessions: 3_000, messages: 9 })
  await generateDealRooms(client, { seed: 5, now, rooms: 24, messages: 18 })
}
