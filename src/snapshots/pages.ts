import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { openDatasets } from '../datasets/open-datasets.ts'
import { DayFilter, TextFilter } from '../platform/filters.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv } from '../platform/send-csv.ts'
import { addSelection, selectionOf } from '../selections/selection-pages.ts'
import changesPage from './changes-page.ts'
import { selectableSnapshots } from './choose-snapshots.ts'
import { listSnapshots, snapshotSorting } from './list-snapshots.ts'
import { presentSnapshot } from './present-snapshot.ts'
import { snapshotCsv } from './snapshot-csv.ts'
import snapshotPage, { triggerWords } from './snapshot-page.ts'
import { statuses, triggers } from './snapshot.ts'
import takePage from './take-page.ts'

const ListQuery = ListPageQuery(
  {
    dataset: TextFilter,
    status: Type.Optional(Type.Enum([...statuses])),
    trigger: Type.Optional(Type.Enum([...triggers])),
    key: TextFilter,
    from: DayFilter,
    to: DayFilter,
  },
  snapshotSorting,
)

/** The pages of snapshots: the list; see take-page.ts for taking one, snapshot-page.ts and changes-page.ts for one of them. */
const pages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Data',
    label: 'Snapshots',
    path: '/snapshots',
    icon: 'snapshot',
    key: 's',
    permission: 'snapshots:list',
  })
  await app.register(takePage)
  await app.register(snapshotPage)
  await app.register(changesPage)
  const selectable = selectableSnapshots(app, ListQuery)
  addSelection(app, selectable)

  app.get(
    '/snapshots',
    { config: { permission: 'snapshots:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ actor, query }, reply) => {
      const { sort, cursor } = query
      const read = (page: PageQuery) => listSnapshots(app, actor, filterOf(query), { sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'snapshots', snapshotCsv, read)
      const { items, nextCursor } = await read({ cursor })
      const { total, ...choosing } = await selectionOf(selectable, reply, query)
      return reply.page('snapshots/list', {
        title: 'Snapshots',
        items: items.map(presentSnapshot),
        datasets: openDatasets(app.datasets, actor),
        triggers: triggerWords,
        ...listOf('/snapshots', query, snapshotSorting, { nextCursor, total }),
        ...choosing,
      })
    },
  )
}

export default pages
