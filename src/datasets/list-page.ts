import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { ListPageQuery, listOf } from '../platform/list-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import type { Sorting } from '../platform/sorting.ts'
import { openDatasets } from './open-datasets.ts'
import type { ListedDataset } from './plugin.ts'
import type { Standing } from './standing.ts'

/** Datasets are few and in memory: they are sorted there. */
const sorting: Sorting<never> = {
  columns: { dataset: { is: 'id' }, taken: { is: 'id' }, snapshots: { is: 'id' }, stored: { is: 'id' } },
  usual: 'dataset',
}

type Item = Awaited<ReturnType<typeof describe>>

const sortedBy: Record<string, (item: Item) => string | number> = {
  dataset: ({ title }) => title,
  taken: ({ freshness }) => freshness?.last?.takenAt ?? '',
  snapshots: ({ freshness }) => freshness?.snapshots ?? 0,
  stored: ({ freshness }) => freshness?.storedBytes ?? 0,
}

const csv: CsvColumns<Item> = {
  name: ({ name }) => name,
  title: ({ title }) => title,
  file: ({ file }) => file,
  problems: ({ problems }) => problems.length,
  source: ({ source }) => source ?? null,
  table: ({ root }) => root ?? null,
  lastSnapshotAt: ({ freshness }) => freshness?.last?.takenAt ?? null,
  lastSnapshotId: ({ freshness }) => freshness?.last?.id ?? null,
  snapshots: ({ freshness }) => freshness?.snapshots ?? null,
  storedBytes: ({ freshness }) => freshness?.storedBytes ?? null,
  closedGates: ({ closed }) => closed.map(({ operation }) => operation).join(' '),
}

/** The list of datasets: how each stands, and which of its gates are closed. */
const listPage: FastifyPluginAsyncTypebox<Standing> = async (app, standing) => {
  app.get(
    '/datasets',
    {
      config: { permission: 'datasets:list' },
      schema: { hide: true, querystring: ListPageQuery({}, sorting) },
    },
    async ({ actor, query }, reply) => {
      const freshness = await standing.readFreshness()
      const described = openDatasets(app.datasets, actor).map((listed) =>
        describe(app, actor, listed, standing, freshness),
      )
      const items = sorted(await Promise.all(described), query.sort ?? sorting.usual)
      if (query.format === 'csv')
        return sendCsv(reply, 'datasets', csv, () => Promise.resolve({ items, nextCursor: null }))
      const list = listOf('/datasets', query, sorting, { nextCursor: null })
      return reply.page('datasets/list', { title: 'Datasets', items, ...list })
    },
  )
}

export default listPage

/** A member is told nothing of snapshots that may hold others' records. */
async function describe(
  { datasets }: FastifyInstance,
  actor: Actor,
  listed: ListedDataset,
  { readVerdicts }: Standing,
  freshness: Awaited<ReturnType<Standing['readFreshness']>>,
) {
  const dataset = listed.problems.length === 0 ? datasets.get(listed.name) : null
  const isKnown = actor.role !== 'member'
  const verdicts = dataset !== null && isKnown ? await readVerdicts(dataset, actor) : []
  return {
    ...listed,
    source: dataset?.source,
    root: dataset?.root.name,
    tables: dataset?.root.children.length,
    freshness: isKnown ? freshness.get(listed.name) : undefined,
    closed: verdicts.filter(({ open }) => !open),
  }
}

function sorted(items: Item[], sort: string): Item[] {
  const value = sortedBy[sort.replace(/^-/, '')]!
  const up = items.toSorted((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0))
  return sort.startsWith('-') ? up.toReversed() : up
}
