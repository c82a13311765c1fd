import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Chat } from './chat.ts'

/** What people would use instead, or the least that anything could cost. */

export const tables = ['chat.sessions', 'chat.messages']

/** Reads both tables with COPY, one after the other, and throws the bytes away. */
export async function copyOut({ source }: Chat): Promise<void> {
  await source.withConnection(async (client) => {
    for (const table of tables) await pipeline(client.query(copyTo(`COPY ${table} TO STDOUT`)), nowhere())
  })
}

export function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

/** Writes both tables to files, for `copyIn`. */
export async function copyToFiles({ source, folder }: Chat): Promise<void> {
  await source.withConnection(async (client) => {
    for (const table of tables)
      await pipeline(client.query(copyTo(`COPY ${table} TO STDOUT`)), createWriteStream(join(folder, table)))
  })
}

/** Fills both tables from the files with COPY, in one transaction, under their indexes and foreign keys. */
export async function copyIn({ source, folder }: Chat): Promise<void> {
  await source.withConnection(async (client) => {
    await client.query('BEGIN')
    for (const table of tables)
      await pipeline(
        createReadStream(join(folder, table)),
        client.query(copyFrom(`COPY ${table} FROM STDIN`)),
      )
    await client.query('COMMIT')
  })
}

/** The whole database, compressed, into a file. */
export async function pgDump({ url, folder }: Chat): Promise<void> {
  await run('pg_dump', ['-Fc', '-f', join(folder, 'dump'), url])
}

/** The dump into an empty database: tables, rows, then indexes and foreign keys. */
export async function pgRestore({ folder }: Chat, url: string): Promise<void> {
  await run('pg_restore', ['-d', url, join(folder, 'dump')])
}

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}
