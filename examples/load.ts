import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

export const exampleNames = ['legacy-import', 'video-library', 'conversations', 'chat', 'deal-rooms'] as const
export type ExampleName = (typeof exampleNames)[number]

/** Objects become JSON; everything else becomes its text. */
export type Value = string | number | boolean | Date | object | null

/** Makes an example's empty tables. */
export async function createSchema(client: ClientBase, name: ExampleName): Promise<void> {
  await client.query(await readFile(new URL(`${name}/schema.sql`, import.meta.url), 'utf8'))
}

/**
 * Sends rows into a table by COPY, a chunk at a time, so that any number of them takes little memory.
 * @param target what stands between COPY and FROM: `chat.messages (id, content)`
 */
export async function load(client: ClientBase, target: string, rows: Iterable<Value[]>): Promise<void> {
  await pipeline(Readable.from(chunks(rows)), client.query(copyFrom(`COPY ${target} FROM STDIN`)))
}

/** Identity and serial columns that were filled by hand go on after the highest value. */
export async function advanceSequence(client: ClientBase, table: string, column: string): Promise<void> {
  await client.query(
    `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), max(${column})) FROM ${table}`,
  )
}

function* chunks(rows: Iterable<Value[]>): Generator<string> {
  let chunk = ''
  for (const row of rows) {
    chunk += `${row.map(asText).join('\t')}\n`
    if (chunk.length < 65_536) continue
    yield chunk
    chunk = ''
  }
  if (chunk) yield chunk
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** https://www.postgresql.org/docs/18/sql-copy.html, text format. */
function asText(value: Value): string {
  if (value === null) return '\\N'
  if (value instanceof Date) return value.toISOString()
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(/[\\\t\n\r]/g, (character) => escapes[character]!)
}

/** An array as PostgreSQL writes it. */
export function array(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
