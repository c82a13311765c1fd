import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { browseRecords, type ListedRecord } from '../datasets/browse-records.ts'
import { partyActions, type Dataset, type PartyAction } from '../datasets/definition.ts'
import { usableDatasets } from '../datasets/open-datasets.ts'
import { partyCondition, rolesIn } from '../datasets/parties.ts'
import { lineOfKey } from '../datasets/typed-keys.ts'
import { listExports } from '../exports/list-exports.ts'
import { Problem } from '../platform/errors.ts'
import { listSnapshots } from '../snapshots/list-snapshots.ts'

/** How many records of a dataset are shown; the rest is on the dataset's own page. */
const shown = 20

/** What people read for what a party may do. */
const actionWords: Record<PartyAction, string> = {
  list: 'see what was made of it',
  view: 'look into it',
  download: 'download it',
  create: 'take snapshots and exports',
  delete: 'delete them',
}

/**
 * The records that name a member, of each dataset that names people: as what, what that allows, and what was made of them
 * last. A source that can't be asked takes nothing but its own dataset off the page.
 */
export async function showOwnRecords(app: FastifyInstance, actor: Actor) {
  const datasets = usableDatasets(app.datasets, actor).map(({ name }) => app.datasets.get(name))
  return Promise.all(
    datasets.map(async (dataset) => {
      const described = { name: dataset.name, title: dataset.title }
      try {
        return { ...described, problem: null, ...(await recordsOf(app, actor, dataset)) }
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        return { ...described, problem: error, records: [], more: false, snapshots: [], exports: [] }
      }
    }),
  )
}

async function recordsOf(app: FastifyInstance, actor: Actor, dataset: Dataset) {
  const granted = partyCondition(actor, dataset, 'list')
  const source = app.datasets.source(dataset)
  const [page, { items: snapshots }, { items: exports }] = await Promise.all([
    browseRecords(source, dataset, {}, granted, { limit: shown }),
    listSnapshots(app, actor, { dataset: dataset.name }, { limit: 5 }),
    listExports(app, actor, { dataset: dataset.name }, { limit: 5 }),
  ])
  const keys = page.items.map(({ key }) => [key].flat())
  const roles = await rolesIn(app, actor, dataset, dataset.parties!, keys)
  const records = page.items.map((record, i) => describe(dataset, record, roles[i] ?? []))
  return { records, more: page.nextCursor !== null, snapshots, exports }
}

function describe({ parties }: Dataset, { key, label }: ListedRecord, roles: string[]) {
  const may: PartyAction[] = partyActions.filter((action) =>
    roles.some((role) => parties!.permissions[action].includes(role)),
  )
  return { key, keyText: lineOfKey(key), label, roles, may, words: may.map((action) => actionWords[action]) }
}
