import { csvCell } from '../platform/csv.ts'
import type { EntityManager } from '../platform/database.ts'
import { DeliveredFile } from './delivered-file.ts'
import type { Delivery } from './delivery.ts'

const pageSize = 1000

/** What was delivered where, by path, a page at a time in memory. */
async function* readFiles(em: EntityManager, deliveryId: string): AsyncGenerator<DeliveredFile[]> {
  let after = ''
  for (;;) {
    const where = { deliveryId, path: { $gt: after } }
    const files = await em.fork().find(DeliveredFile, where, { orderBy: { path: 'asc' }, limit: pageSize })
    if (files.length > 0) yield files
    if (files.length < pageSize) return
    after = files.at(-1)!.path
  }
}

/** A delivery's index as JSON, a file a line. */
export async function* jsonIndex(em: EntityManager, delivery: Delivery): AsyncGenerator<string> {
  const { id, dataset, scope, destination, finishedAt } = delivery
  const head = JSON.stringify({ deliveryId: id, dataset, scope, destination, finishedAt })
  yield `${head.slice(0, -1)},"files":[`
  let isFirst = true
  for await (const files of readFiles(em, id)) {
    const lines = files.map((file) => JSON.stringify(presentFile(file)))
    yield `${isFirst ? '\n' : ',\n'}${lines.join(',\n')}`
    isFirst = false
  }
  yield '\n]}\n'
}

const columns = ['path', 'bytes', 'sha256', 'compared', 'url', 'source', 'item', 'deliveredAt'] as const

/** The same as CSV (RFC 4180), defused for spreadsheets. */
export async function* csvIndex(em: EntityManager, { id }: Delivery): AsyncGenerator<string> {
  yield `${columns.join(',')}\r\n`
  for await (const files of readFiles(em, id)) yield files.map(csvLine).join('')
}

function csvLine(file: DeliveredFile): string {
  const line = presentFile(file)
  return `${columns.map((column) => csvCell(String(line[column] ?? ''))).join(',')}\r\n`
}

function presentFile({ path, bytes, sha256, compared, url, source, itemId, deliveredAt }: DeliveredFile) {
  return { path, bytes, sha256, compared, url, source, item: itemId, deliveredAt: deliveredAt.toISOString() }
}
