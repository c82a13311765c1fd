import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { chosenScope, scopeLink } from '../datasets/scope-link.ts'
import { keysOfLines, lineOfKey } from '../datasets/typed-keys.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { form } from '../platform/validation.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { listSnapshots } from '../snapshots/list-snapshots.ts'
import { readManifest } from '../snapshots/manifests.ts'
import { presentSnapshot } from '../snapshots/present-snapshot.ts'
import { whileConnected } from '../snapshots/requests.ts'
import { searchRecords } from '../snapshots/search-records.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'
import { parseKeys } from './parse-keys.ts'
import { planRestore } from './plan-restore.ts'
import { modes } from './plan.ts'
import { datasetOf, shortWait } from './restore-page.ts'
import { waitUntilSettled } from './wait-until-settled.ts'

const closed = { additionalProperties: false } as const
const Id = Type.String({ format: 'uuid' })
const Line = { type: 'string', maxLength: 2000 }

/** Keys that were ticked among those that were found: one, or several. */
const picked = Type.Optional(
  Type.Unsafe<string | string[]>({ ...Line, type: ['string', 'array'], items: Line, maxItems: 1000 }),
)

const mode = Type.Enum([...modes])

const NewQuery = Type.Object(
  {
    ...scopeLink,
    snapshot: Type.Optional(Id),
    snapshotId: Type.Optional(Id),
    mode: Type.Optional(mode),
    picked,
  },
  closed,
)

const PlanForm = Type.Object(
  {
    snapshotId: Id,
    mode,
    which: Type.Enum(['all', 'keys']),
    keys: Type.Optional(Type.String({ maxLength: 500_000 })),
    picked,
    q: Type.Optional(Type.String({ maxLength: 500 })),
  },
  { ...closed, ...form },
)

type Asked = Static<typeof NewQuery>

/** How many records a search among those of a snapshot shows. */
const foundAtMost = 50

/** How many snapshots are offered at once. */
const offered = 30

/** Asking for a restore: the snapshot, its records, the mode; and having it planned. */
const planPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/restores/new',
    { config: { permission: 'restores:plan' }, schema: { hide: true, querystring: NewQuery } },
    async (request, reply) => {
      const { query } = request
      const id = query.snapshot ?? query.snapshotId
      if (id === undefined) return chooseSnapshot(app, request, reply, query)
      const snapshot = await findSnapshot(app.orm.em, id)
      const lines = [query.keys ?? [], query.picked ?? []].flat().flatMap((text) => text.split(/\r?\n/))
      const keys = [...new Set(lines)].filter((line) => line !== '').join('\n')
      const isSearched = query.q !== undefined
      const which = query.which ?? (isSearched || keys !== '' ? 'keys' : 'all')
      const shown = { typed: { mode: query.mode, which, keys, q: query.q } }
      request.showAgain = (problem) => showForm(app, reply, snapshot, { ...shown, problem })
      return showForm(app, reply, snapshot, shown)
    },
  )

  app.post(
    '/restores',
    { ...formRoute, config: { permission: 'restores:plan' }, schema: { hide: true, body: PlanForm } },
    async (request, reply) => {
      if (request.validationError) throw request.validationError
      const { snapshotId, mode, which, keys = '', picked = [] } = request.body
      const snapshot = await findSnapshot(app.orm.em, snapshotId)
      return answerForm(
        request,
        async () => {
          const columns = app.datasets.get(snapshot.dataset).root.key
          const lines = [keys, ...[picked].flat()].join('\n')
          const chosen =
            which === 'all' ? null : await parseKeys(app, snapshotId, keysOfLines(lines, columns))
          const restore = await planRestore(app, { snapshotId, mode, keys: chosen }, causeOf(request))
          await waitUntilSettled(app, restore, shortWait)
          return reply.leadTo(`/restores/${restore.id}`)
        },
        (shown) => showForm(app, reply, snapshot, shown),
      )
    },
  )
}

export default planPage

/** Which snapshot to go back to: those of a dataset that are completed, or those that hold a record. */
async function chooseSnapshot(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  query: Asked,
): Promise<string> {
  const { actor } = request
  const datasets = usableDatasets(app.datasets, actor)
  const dataset = query.dataset ?? datasets[0]?.name
  const { keys } = await chosenScope(app, actor, query)
  const lines = keys?.split('\n') ?? []
  const single = lines.length === 1 ? { key: lines[0]! } : {}
  const filter = { ...single, ...(dataset !== undefined && { dataset }), status: 'completed' as const }
  const { items } = await listSnapshots(app, actor, filter, { limit: offered })
  return reply.page('restores/choose', {
    title: 'Restore',
    datasets,
    chosen: datasets.find(({ name }) => name === dataset) ?? null,
    keys,
    count: lines.length,
    snapshots: items.map(presentSnapshot),
  })
}

async function showForm(
  app: FastifyInstance,
  reply: FastifyReply,
  snapshot: Snapshot,
  shown: Shown,
): Promise<string> {
  const { q } = (shown.typed ?? {}) as { q?: string }
  return reply.page('restores/new', {
    title: 'Restore',
    backTo: `/restores/new?snapshot=${snapshot.id}`,
    snapshot: presentSnapshot(snapshot),
    dataset: datasetOf(app, snapshot.dataset),
    found: q === undefined || q === '' ? null : await search(app, reply, snapshot, q),
    ...shown,
  })
}

async function search(app: FastifyInstance, reply: FastifyReply, snapshot: Snapshot, text: string) {
  const dataset = app.datasets.get(snapshot.dataset)
  const manifest = await readManifest(app.stores.main, snapshot.requireCompleted())
  const signal = whileConnected(reply)
  const { items, isAll } = await searchRecords(app.stores.main, manifest, dataset, text, foundAtMost, signal)
  return { isAll, items: items.map((record) => ({ ...record, keyText: lineOfKey(record.key) })) }
}
