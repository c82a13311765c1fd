import type pg from 'pg'
import type { PlanWarning } from './plan.ts'
import { mayHold, type Stage } from './stage.ts'
import { keysOf } from './staged-records.ts'
import { listedWarnings } from './stage-records.ts'
import * as query from './unique-queries.ts'
import { updatedColumns } from './write-queries.ts'

/**
 * Rows to create or change whose values by a unique key another row has that stays as it is, or gets as well.
 * @returns the blockers, each naming the values and the row that has them
 */
export async function takenValues(client: pg.ClientBase, stages: Stage[]): Promise<PlanWarning[]> {
  const written = stages.filter((stage) => mayHold(stage, 'c', 'u'))
  if (written.length === 0) return []
  const oids = written.map(({ node }) => node.table.oid)
  const { rows: keys } = await client.query<query.UniqueKey>(query.listUnique, [oids])
  const blockers: PlanWarning[] = []
  // What an index computes may call functions of the application's, which expect its own search path.
  await client.query('SET LOCAL search_path TO DEFAULT')
  for (const stage of written) {
    for (const key of keys.filter(({ table }) => table === stage.node.table.oid))
      if (isDecidable(stage, key) && mayChange(stage, key))
        blockers.push(...(await takenBy(client, stages[0]!, stage, key)))
  }
  await client.query('SET LOCAL search_path TO pg_catalog')
  return blockers
}

/** Generated columns aren't staged; an expression over whole rows can't be asked of staged ones. */
function isDecidable({ node }: Stage, { columns, parts, predicate }: query.UniqueKey): boolean {
  const found = node.table.columns.filter(({ name, generated }) => !generated && columns.includes(name))
  const whole = [...parts.map(({ sql }) => sql), predicate ?? ''].some((sql) => sql.includes('.*'))
  return found.length === columns.length && parts.every(({ operator }) => operator !== null) && !whole
}

/** New internal ids are nobody's, and a row that is changed keeps what an update doesn't set. */
function mayChange(stage: Stage, { columns }: query.UniqueKey): boolean {
  if (mayHold(stage, 'c') && !stage.node.internal.some(({ name }) => columns.includes(name))) return true
  return mayHold(stage, 'u') && updatedColumns(stage).some(({ name }) => columns.includes(name))
}

interface Taken {
  record: number
  values: string[]
  holder: string[] | null
}

async function takenBy(client: pg.ClientBase, root: Stage, stage: Stage, key: query.UniqueKey) {
  const statements = [query.listTaken(stage, key)]
  if (!key.exclusion && !isTold(stage, key)) statements.push(query.listDouble(stage, key))
  const rows: Taken[] = []
  for (const statement of statements)
    rows.push(...(await client.query<Taken>(statement, [listedWarnings])).rows)
  const keys = await keysOf(client, root, rows)
  return rows.map((row, i) => ({
    code: 'VALUE_TAKEN',
    table: stage.node.name,
    key: keys[i]!,
    detail: describe(stage, key, row),
  }))
}

/** Whether rows are told apart by the key's own columns, so that no two staged ones have the same. */
function isTold({ identity, node }: Stage, { plain }: query.UniqueKey): boolean {
  return [identity, [...node.key, ...(node.parent?.columns ?? [])]].some((columns) =>
    columns.every(({ name }) => plain.includes(name)),
  )
}

function describe(stage: Stage, { name, parts }: query.UniqueKey, { values, holder }: Taken): string {
  const what = `(${parts.map(({ label }) => label).join(', ')}) = (${values.join(', ')})`
  if (holder === null)
    return `${what} belongs to two rows of the snapshot, which ${name} does not allow any more. Restore them one by one, or change that constraint.`
  const identity = stage.identity.map((column) => column.name).join(', ')
  return `${what} belongs to the row (${identity}) = (${holder.join(', ')}), which stays as it is, and ${name} allows no second one. Change or delete that row first, or restore it as well.`
}
