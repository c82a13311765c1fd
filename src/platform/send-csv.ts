import { Readable } from 'node:stream'
import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply } from 'fastify'
import { csvRow, type CsvValue } from './csv.ts'
import type { Page, PageQuery } from './read-page.ts'

/** The columns of a list as a file: headings, and what each says of an item. */
export type CsvColumns<Item> = Record<string, (item: Item) => CsvValue>

const readAtOnce = 500

/**
 * Answers with all that a filter matches as a CSV file (RFC 4180, UTF-8), read page by page while the reader takes it.
 * @param noun of the file's name: `snapshots` makes `holdfast-snapshots-2026-11-21.csv`
 * @param read one page, in the order asked for; decides what the reader may see, as for the page
 */
export function sendCsv<Item>(
  reply: FastifyReply,
  noun: string,
  columns: CsvColumns<Item>,
  read: (page: PageQuery) => Promise<Page<Item>>,
): FastifyReply {
  const day = reply.server.clock.now().toISOString().slice(0, 10)
  return reply
    .type('text/csv; charset=utf-8; header=present')
    .header('content-disposition', contentDisposition(`holdfast-${noun}-${day}.csv`))
    .header('cache-control', 'private, no-store')
    .send(Readable.from(pieces(columns, read), { objectMode: false }))
}

/** One piece for each page, so that neither the pages nor the rows pile up. */
async function* pieces<Item>(
  columns: CsvColumns<Item>,
  read: (page: PageQuery) => Promise<Page<Item>>,
): AsyncGenerator<string> {
  const cells = Object.values(columns)
  yield csvRow(Object.keys(columns))
  let cursor: string | undefined
  do {
    const { items, nextCursor } = await read({ limit: readAtOnce, cursor })
    if (items.length > 0) yield items.map((item) => csvRow(cells.map((cell) => cell(item)))).join('')
    cursor = nextCursor ?? undefined
  } while (cursor !== undefined)
}
