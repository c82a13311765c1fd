import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { to as copyTo } from 'pg-copy-streams'
import { storeExport } from '../src/exports/store-export.ts'
import type { ExportFormat } from '../src/exports/rendering.ts'
import type { SourcePool } from '../src/source/connect.ts'
import { nowhere, tables } from './baselines.ts'
import type { Chat } from './chat.ts'
import type { Ground } from './ground.ts'
import { measure, type Case } from './measure.ts'
import type { Section } from './report.ts'

/** Everything, with all messages, as it ends in the store. */
export async function exports({ server, chat, rounds }: Ground): Promise<Section> {
  const { rows } = chat
  const cases: Case[] = [
    { name: 'COPY csv', baseline: true, rows, run: () => copyCsv(chat) },
    { name: 'COPY csv, kept', baseline: true, rows, run: () => copyCsv(chat, inOrder, kept(chat)) },
    { name: 'CSV', rows, run: () => render(chat, 'csv') },
    { name: 'COPY json', baseline: true, rows, run: () => copyJson(chat) },
    { name: 'COPY json, kept', baseline: true, rows, run: () => copyJson(chat, inOrder, kept(chat)) },
    { name: 'JSON', rows, run: () => render(chat, 'json') },
  ]
  return {
    title: 'Exports of everything',
    about:
      '`COPY csv` and `COPY json` read both tables with `COPY … TO STDOUT`, as CSV and with row_to_json, and throw the bytes away; kept, they sort as the exports do and write flushed files. The exports read at one instant, in order, with the messages; count again; compress the CSV (zip); hash, store, read back and hash again.',
    unit: 's',
    figures: await measure(
      cases.map((one) => ({ ...one, before: server.settle })),
      rounds,
    ),
  }
}

/** The same as a PDF: a benchmark of its own, since the heap that it leaves behind slows down whatever comes next. */
export async function pdf({ server, chat, rounds }: Ground): Promise<Section> {
  const { rows } = chat
  const cases: Case[] = [
    { name: 'COPY csv', baseline: true, rows, before: server.settle, run: () => copyCsv(chat) },
    { name: 'PDF', rows, before: server.settle, run: () => render(chat, 'pdf') },
  ]
  return {
    title: 'PDF of everything',
    about: 'Every record with all its messages, laid out, with contents and page numbers.',
    unit: 's',
    figures: await measure(cases, rounds),
  }
}

/** How the exports' rows are sorted. */
const inOrder: Record<string, string> = {
  'chat.sessions': ' ORDER BY t.id',
  'chat.messages': ' ORDER BY t.session_id, t.id',
}

/** Where the rows of a table go. */
type Sink = (table: string) => Writable

const kept =
  ({ folder }: Chat): Sink =>
  (table) =>
    createWriteStream(join(folder, `copied-${table}`), { flush: true })

async function copyCsv({ source }: Chat, order: Record<string, string> = {}, sink: Sink = nowhere) {
  const rows = (table: string) => `SELECT * FROM ${table} AS t${order[table] ?? ''}`
  await copyAll(source, (table) => `COPY (${rows(table)}) TO STDOUT (FORMAT csv)`, sink)
}

async function copyJson({ source }: Chat, order: Record<string, string> = {}, sink: Sink = nowhere) {
  const rows = (table: string) => `SELECT row_to_json(t) FROM ${table} AS t${order[table] ?? ''}`
  await copyAll(source, (table) => `COPY (${rows(table)}) TO STDOUT`, sink)
}

async function copyAll(source: SourcePool, copy: (table: string) => string, sink: Sink): Promise<void> {
  await source.withConnection(async (client) => {
    for (const table of tables) await pipeline(client.query(copyTo(copy(table))), sink(table))
  })
}

async function render({ source, dataset, store }: Chat, format: ExportFormat): Promise<void> {
  await storeExport(store, `export.${format}`, {
    source,
    dataset,
    scope: { all: true },
    format,
    includeChildren: true,
    title: null,
    createdBy: 'bench',
    now: () => new Date(),
  })
}
