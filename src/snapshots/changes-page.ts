import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { lineOfKey } from '../datasets/typed-keys.ts'
import { url } from '../platform/components.ts'
import { FilterQuery, pagesOf, TextFilter } from '../platform/filters.ts'
import { tableNodes } from './capture.ts'
import { compareSnapshot } from './compare-snapshot.ts'
import type { RowChange } from './list-differences.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { concernedSnapshot, whileConnected } from './requests.ts'
import { SnapshotParams } from './schemas.ts'

const ChangesFilter = FilterQuery({
  table: TextFilter,
  kind: Type.Optional(Type.Enum(['create', 'update', 'delete'])),
})

const pageSize = 100

/** What changed in the source since a snapshot: by table, then record by record and field by field. */
const changesPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/snapshots/:id/changes',
    {
      config: { permission: 'snapshots:compare' },
      schema: { hide: true, params: SnapshotParams, querystring: ChangesFilter },
    },
    async (request, reply) => {
      const snapshot = await concernedSnapshot(app, request, request.params.id)
      const dataset = app.datasets.get(snapshot.dataset)
      const { query } = request
      const wanted = { ...query, limit: pageSize }
      const compared = await compareSnapshot(app, snapshot, wanted, whileConnected(reply))
      const path = `/snapshots/${snapshot.id}/changes`
      return reply.page('snapshots/changes', {
        title: 'What changed since',
        snapshot: presentSnapshot(snapshot),
        dataset: { name: dataset.name, title: dataset.title },
        summary: compared.summary,
        tables: tableNodes(dataset.root).map(({ name }) => name),
        notes: compared.notes,
        records: byRecord(compared.changes, dataset.root.name),
        filter: query,
        pages: pagesOf((more) => url(path, more), query, compared.nextCursor),
      })
    },
  )
}

export default changesPage

/** Rows that belong to one record come one after the other. @param root the name of the records' own table */
export function byRecord(changes: readonly RowChange[], root: string) {
  const records: { key: unknown[]; keyText: string; change: RowChange['kind']; rows: object[] }[] = []
  let last = ''
  for (const { table, record, kind, fields } of changes) {
    const key = JSON.stringify(record)
    if (key !== last) {
      const change = table === root ? kind : 'update'
      records.push({ key: record, keyText: lineOfKey(record), change, rows: [] })
    }
    records.at(-1)!.rows.push({ table, change: kind, fields })
    last = key
  }
  return records
}
