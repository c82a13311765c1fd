import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { systemActor, type Actor } from '../../src/audit/actor.ts'
import { listAudit, type AuditFilter } from '../../src/audit/list-audit.ts'
import { itemStates } from '../../src/batches/item.ts'
import { pageOfItems } from '../../src/batches/list-items.ts'
import { cleanupSorting, listCleanups } from '../../src/cleanups/list-cleanups.ts'
import { exportSorting, listExports } from '../../src/exports/list-exports.ts'
import { holdSorting, listHolds } from '../../src/holds/list-holds.ts'
import { listNotices, noticeSorting } from '../../src/notifications/find-notices.ts'
import type { Page, SortedPageQuery } from '../../src/platform/read-page.ts'
import type { Sorting } from '../../src/platform/sorting.ts'
import { listRestores, restoreSorting } from '../../src/restores/list-restores.ts'
import { findRuns, runSorting } from '../../src/schedules/find-runs.ts'
import { listSnapshots, snapshotSorting } from '../../src/snapshots/list-snapshots.ts'
import { idOf, openLarge, timeOf } from './list-plans.ts'

const limit = 50

/** What a page may take: itself, one more, and as much again for what comes on the way. */
const aPage = 2 * (limit + 1)

interface List {
  table: string
  /** Columns to filter by. */
  filters: string[]
  sorting: Sorting<never>
  columns?: Record<string, string>
  read(app: FastifyInstance, filter: object, page: SortedPageQuery): Promise<Page<unknown>>
}

/** What a list shows to somebody who may see all of it. */
function shownToAdmin<Filter>(
  list: (app: FastifyInstance, actor: Actor, filter: Filter, page: SortedPageQuery) => Promise<Page<unknown>>,
) {
  return (app: FastifyInstance, filter: Filter, page: SortedPageQuery) =>
    list(app, { ...systemActor, role: 'admin' }, filter, page)
}

/** Every list that can be long, but for those below. */
const lists: Record<string, List> = {
  snapshots: {
    table: 'snapshots',
    filters: ['dataset', 'status', 'trigger'],
    sorting: snapshotSorting,
    columns: { stored_bytes: 'n', expires_at: timeOf('n') },
    read: shownToAdmin(listSnapshots),
  },
  restores: {
    table: 'restores',
    filters: ['dataset', 'status', 'mode'],
    sorting: restoreSorting,
    read: listRestores,
  },
  exports: {
    table: 'exports',
    filters: ['dataset', 'status', 'format'],
    sorting: exportSorting,
    columns: { bytes: 'n', expires_at: timeOf('n') },
    read: shownToAdmin(listExports),
  },
  cleanups: {
    table: 'cleanups',
    filters: ['dataset', 'status'],
    sorting: cleanupSorting,
    read: listCleanups,
  },
  holds: {
    table: 'holds',
    filters: ['dataset'],
    sorting: holdSorting,
    columns: { until: timeOf('n'), created_by: `'Person ' || n` },
    read: listHolds,
  },
  notices: {
    table: 'notices',
    filters: ['dataset', 'event', 'channel', 'status'],
    sorting: noticeSorting,
    read: ({ orm }, filter, page) => listNotices(orm.em, filter, page),
  },
  runs: {
    table: 'schedule_runs',
    filters: [],
    sorting: runSorting,
    columns: { schedule: `'nightly ' || n % 2`, occurrence: 'NULL' },
    read: async ({ orm }, _filter, page) => {
      const { runs, nextCursor } = await findRuns(orm.em, 'nightly 1', page)
      return { items: runs, nextCursor }
    },
  },
}

/** The oldest few are like no others, so that who goes through the rest in search of them is seen. */
const rareFew = `CASE WHEN n <= 20 THEN 'rare' ELSE 'usual' END`

/** Three lots of entries, the first the oldest; in each lot all four filters have values of their own, but for outcomes. */
const lot = 30_000
const wanted = {
  actor: ['ada', 'bea', 'cleo'],
  action: ['export.created', 'restore.planned', 'hold.created'],
  dataset: ['chat', 'deals', 'videos'],
  outcome: ['failed', 'refused', 'failed'],
} as const
const names = Object.keys(wanted) as (keyof typeof wanted)[]
const subsets = Array.from({ length: 2 ** names.length }, (_, bits) =>
  names.filter((_name, i) => bits & (1 << i)),
)

/**
 * The value of one filter in each entry. In the first lot no two of its values ever meet, in the second each two do but
 * no three, in the third each three but never all: what is passed over on the way is seen.
 */
function meeting(name: keyof typeof wanted, others: string): string {
  const cases = wanted[name].map((value, which) => {
    const meet = subsets.filter((some) => some.length === which + 1)
    const these = meet.flatMap((some, i) => (some.includes(name) ? [i] : []))
    return `WHEN (n - 1) / ${lot} = ${which} AND n % ${meet.length} IN (${these.join()}) THEN '${value}'`
  })
  return `CASE ${cases.join(' ')} ELSE ${others} END`
}

const batch = '00000000-0000-0000-0000-000000000001'

const { app, lookedAt } = await openLarge(t, [
  ...Object.values(lists).map(({ table, filters, columns }) => ({
    table,
    rows: 10_000,
    columns: { ...Object.fromEntries(filters.map((column) => [column, rareFew])), ...columns },
  })),
  {
    table: 'audit_entries',
    rows: 3 * lot,
    columns: {
      actor_email: meeting('actor', `'person' || n % 50 || '@example.com'`),
      action: meeting('action', `'action ' || n % 30`),
      dataset: meeting('dataset', `'dataset ' || n % 10`),
      outcome: meeting('outcome', `'done'`),
      entity_ids: `ARRAY['thing ' || n / 10]`,
      request_id: `'request ' || n / 3`,
    },
  },
  {
    table: 'batch_items',
    rows: 60_000,
    columns: {
      batch_id: idOf('1'),
      id: `'item ' || n`,
      state: `CASE WHEN n <= 20 THEN 'pending' WHEN n % 2 = 0 THEN 'failed' ELSE 'completed' END`,
      error: `json_build_object('code', CASE WHEN n <= 1000 THEN 'RARE' ELSE 'USUAL' END)`,
    },
  },
])

type Read = (page: { limit: number; cursor?: string }) => Promise<{ nextCursor: string | null }>

/** Reads a page and the next. */
async function isBounded(t: Test, what: string, read: Read, atMost = aPage): Promise<void> {
  let next: string | null = null
  const first = await lookedAt(async () => ({ nextCursor: next } = await read({ limit })))
  t.ok(first <= atMost, `${what}: ${first}`)
  if (next === null) return
  const cursor: string = next
  const later = await lookedAt(() => read({ limit, cursor }))
  t.ok(later <= atMost, `${what}, the next page: ${later}`)
}

for (const [name, { filters, sorting, read }] of Object.entries(lists))
  t.test(`${name}: a page of any filter or order reads no more than it shows`, async (t) => {
    for (const sort of Object.keys(sorting.columns).flatMap((column) => [column, `-${column}`]))
      await isBounded(t, sort, (page) => read(app, {}, { ...page, sort }))
    for (const filter of filters)
      for (const value of ['rare', 'usual'])
        await isBounded(t, `${filter} ${value}`, (page) => read(app, { [filter]: value }, page))
  })

t.test('audit: a page of any filters together reads no more than it shows', async (t) => {
  const together = [0, 1, 2].flatMap((which) =>
    subsets.map((some) => Object.fromEntries(some.map((name) => [name, wanted[name][which]]))),
  )
  const between = { from: '2026-01-01T02:00:00Z', to: '2026-01-01T23:00:00Z' }
  const filters = [...together, ...together.map((filter) => ({ ...filter, ...between }))]
  for (const filter of [...filters, { entityId: 'thing 30' }, { requestId: 'request 30' }] as AuditFilter[])
    for (const sort of ['when', '-when'])
      await isBounded(t, JSON.stringify({ ...filter, sort }), (page) =>
        listAudit(app.orm.em.fork(), filter, { ...page, sort }),
      )
})

t.test('items: a page of any filter reads no more than it shows', async (t) => {
  const states = itemStates.map((status) => ({ status }))
  const found = [
    { error: 'RARE' },
    { error: 'USUAL' },
    { error: 'NONE' },
    { id: 'item 5' },
    { id: 'nothing' },
  ]
  for (const filter of [{}, ...states, ...found])
    for (const sort of ['item', '-item'])
      await isBounded(
        t,
        JSON.stringify({ ...filter, sort }),
        (page) => pageOfItems(app.orm.em, batch, { ...filter, ...page, sort }),
        aPage + (itemStates.length - 1) * (limit + 1), // Items of any state are merged from a page of each.
      )
})
