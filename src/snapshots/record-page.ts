import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { requirePermission } from '../access/guard.ts'
import { causeOf } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import { datasetProblems } from '../datasets/errors.ts'
import { requireParty } from '../datasets/parties.ts'
import { readTypedKey } from '../datasets/read-typed-key.ts'
import { lineOfKey } from '../datasets/typed-keys.ts'
import { listHolds } from '../holds/list-holds.ts'
import { presentHold } from '../holds/present-hold.ts'
import type { KeyValue } from '../source/keys.ts'
import { byRecord } from './changes-page.ts'
import { compareRecord, versionsOf } from './compare-record.ts'
import { describeRecord } from './describe-record.ts'
import type { Row } from './diff-record.ts'
import { listSnapshots } from './list-snapshots.ts'
import { readRecord } from './read-record.ts'
import { RecordParams } from './record-route.ts'
import { triggerWords } from './snapshot-page.ts'

const RecordQuery = Type.Object(
  { since: Type.Optional(Type.String({ format: 'uuid', description: 'A snapshot to compare with.' })) },
  { additionalProperties: false },
)

/** How many of the snapshots that hold a record are looked into. */
const shown = 10

/** One record as it is now, the snapshots that hold it, and what differs between them. */
const recordPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/datasets/:dataset/records/:key',
    {
      config: { permission: 'records:list' },
      schema: { hide: true, params: RecordParams, querystring: RecordQuery },
    },
    async (request, reply) => {
      const { actor, params, query } = request
      const dataset = await app.datasets.current(params.dataset)
      const key = readTypedKey(dataset, params.key)
      await requireParty(app, actor, dataset, [key], 'view')
      const live = await readRecord(app, dataset, { keys: [key] })
      const record = live && (JSON.parse(live.toString()) as Row)
      const held = { dataset: dataset.name, key: params.key }
      const { items, nextCursor } = await listSnapshots(app, actor, held, { limit: shown })
      if (record === null && items.length === 0)
        throw datasetProblems.RECORD_NOT_FOUND(
          `${dataset.title} has no record ${params.key}, now or in a snapshot.`,
        )
      if (query.since !== undefined) requirePermission(causeOf(request), 'snapshots:compare')
      return reply.page('snapshots/record', {
        title: labelOf(dataset, record, key),
        dataset: { name: dataset.name, title: dataset.title },
        key,
        keyText: lineOfKey(key),
        isGone: record === null,
        record: record && describeRecord(dataset.root, record),
        snapshots: await versionsOf(app, dataset, key, live, items),
        more: nextCursor !== null,
        triggers: triggerWords,
        holds: actor.role === 'member' ? [] : await holdsOn(app, held),
        since: query.since,
        compared:
          query.since === undefined
            ? null
            : byRecord(await compareRecord(app, dataset, key, record, query.since), dataset.root.name),
      })
    },
  )
}

export default recordPage

function labelOf({ root }: Dataset, record: Row | null, key: KeyValue[]): string {
  const label = record?.[root.label.name]
  return typeof label === 'string' && label !== '' ? label : key.map(String).join(', ')
}

async function holdsOn(app: FastifyInstance, record: { dataset: string; key: string }) {
  const { items } = await listHolds(app, record, {})
  return items.map((hold) => presentHold(hold, app.clock.now())).filter(({ active }) => active)
}
