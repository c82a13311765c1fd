import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { generate } from '../examples/chat/generate.ts'
import { phrases } from '../examples/chat/phrases.ts'
import { createSchema } from '../examples/load.ts'
import type { Dataset } from '../src/datasets/definition.ts'
import { readDatasetFile } from '../src/datasets/read-file.ts'
import { resolveDataset } from '../src/datasets/resolve.ts'
import { openSource, type SourcePool } from '../src/source/connect.ts'
import { readCatalog } from '../src/source/read-catalog.ts'
import { openStore } from '../src/storage/open-store.ts'
import type { Store } from '../src/storage/store.ts'

/** The chat example, filled: what everything here is measured on. */
export interface Chat {
  url: string
  source: SourcePool
  dataset: Dataset
  /** A folder. */
  store: Store
  /** Where baselines put their files. */
  folder: string
  sessions: number
  rows: number
  sql(text: string): Promise<void>
  close(): Promise<void>
}

/** @param url an empty database */
export async function fillChat(url: string, size: { sessions: number; messages: number }): Promise<Chat> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await createSchema(client, 'chat')
  await generate(client, { seed: 1, now: new Date('2026-01-01T00:00:00Z'), ...size })
  await client.query(lengthen())
  await client.query('VACUUM ANALYZE')
  await client.end()
  return openChat(url)
}

/**
 * Messages of the example are a sentence each out of a hundred. People write more, and never twice the same: each gets
 * up to sixty further words and a number, which only its id decides. 200 characters in the mean.
 */
function lengthen(): string {
  const words = phrases.flatMap(({ visitor, agent }) => [...visitor, ...agent].join(' ').split(/\s+/))
  const list = words.map((word) => pg.escapeLiteral(word)).join(', ')
  const hash = (of: string) => `(hashint8(${of}) & 2147483647)`
  return `
    CREATE FUNCTION words(id bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT string_agg((ARRAY[${list}])[1 + ${hash('id * 64 + n')} % ${words.length}], ' ') || ' ' || ${hash('id')}
      FROM generate_series(0, ${hash('-id')} % 60) AS n $$;
    ALTER TABLE chat.messages ALTER content TYPE text USING content || ' ' || words(id);
    DROP FUNCTION words`
}

/** @param url a database that was filled before */
export async function openChat(url: string): Promise<Chat> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const count = async (table: string) =>
    Number((await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${table}`)).rows[0]!.rows)
  const sessions = await count('chat.sessions')
  const source = openSource('app', url)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-files-'))
  return {
    url,
    source,
    folder,
    sessions,
    rows: sessions + (await count('chat.messages')),
    dataset: await chatDataset(source),
    store: openStore(`file:${folder}`),
    sql: async (text) => void (await client.query(text)),
    async close() {
      await source.end()
      await client.end()
      await rm(folder, { recursive: true })
    },
  }
}

async function chatDataset(source: SourcePool): Promise<Dataset> {
  const path = fileURLToPath(new URL('../examples/chat/chat.yaml', import.meta.url))
  const { declaration, file, lineOf } = await readDatasetFile(path, {})
  const catalog = await source.withConnection(readCatalog)
  const { dataset, problems } = resolveDataset(declaration!, catalog, { file, lineOf, timezone: 'UTC' })
  if (dataset === null) throw new Error(problems.map(({ detail }) => detail).join('\n'))
  return dataset
}
