import { parseArgs } from 'node:util'
import pg from 'pg'
import { openStore } from '../src/storage/open-store.ts'
import { generate as chat } from './chat/generate.ts'
import { generate as conversations } from './conversations/generate.ts'
import { generate as dealRooms } from './deal-rooms/generate.ts'
import { documentFiles } from './legacy-import/files.ts'
import { generate as legacyImport } from './legacy-import/generate.ts'
import { createSchema, exampleNames, type ExampleName } from './load.ts'
import { generate as videoLibrary } from './video-library/generate.ts'

const usage = `node examples/fill.ts <example> <postgres://…> [size=number …] [--seed 1] [--now 2026-11-20T10:00:00Z]
  [--files <store>]
Makes an example's schema in a database and fills it. Sizes: sessions, documents, others, categories (legacy-import); categories,
videos (video-library); conversations, turns (conversations); sessions, messages (chat); rooms, messages (deal-rooms).
--files: where legacy-import's files go, such as file:documents or s3://bucket?endpoint=…`

type Options = { seed: number; now: Date } & Record<string, number>

/** What each example is walked through with. */
const examples: Record<ExampleName, (client: pg.Client, options: Options) => Promise<void>> = {
  'legacy-import': (client, sizes) =>
    legacyImport(client, { sessions: 3, documents: 8_000, others: 20, categories: 12, ...sizes }),
  'video-library': (client, sizes) => videoLibrary(client, { categories: 40, videos: 5_000, ...sizes }),
  conversations: (client, sizes) => conversations(client, { conversations: 2_000, turns: 10, ...sizes }),
  chat: (client, sizes) => chat(client, { sessions: 10_000, messages: 20, ...sizes }),
  'deal-rooms': (client, sizes) => dealRooms(client, { rooms: 200, messages: 30, ...sizes }),
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    now: { type: 'string', default: new Date().toISOString() },
    files: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const [name, url, ...sizes] = positionals
if (values.help || !isExample(name) || url === undefined) {
  console.error(usage)
  process.exit(values.help ? 0 : 2)
}
await fill(name, url)

function isExample(name: string | undefined): name is ExampleName {
  return exampleNames.some((known) => known === name)
}

async function fill(name: ExampleName, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    await createSchema(client, name)
    const given = Object.fromEntries(sizes.map((size) => [size.split('=')[0]!, Number(size.split('=')[1])]))
    await examples[name](client, {
      ...given,
      seed: Number(values.seed),
      now: new Date(values.now),
    } as Options)
    await client.query('COMMIT')
    await client.query('ANALYZE')
    if (values.files !== undefined) await storeFiles(client, values.files)
  } finally {
    await client.end()
  }
}

/** Sixteen at a time: a bucket answers slowly, and answers many. */
async function storeFiles(client: pg.Client, url: string): Promise<void> {
  const store = openStore(url)
  const files = documentFiles(client)
  const putAll = async () => {
    for (let next = await files.next(); !next.done; next = await files.next())
      await store.put(next.value.key, next.value.bytes)
  }
  await Promise.all(Array.from({ length: 16 }, putAll))
}
