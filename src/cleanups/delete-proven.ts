import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { owningKey } from '../datasets/owning-key.ts'
import type { Problem } from '../platform/errors.ts'
import { sourceProblems } from '../source/errors.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { cleanupProblems } from './errors.ts'
import { linksInto, placesOf, type Place } from './links.ts'
import * as remove from './remove-queries.ts'

/** What one transaction deletes. */
interface Removal {
  client: pg.ClientBase
  dataset: Dataset
  /** The dataset's tables, parents before children. */
  places: Place[]
  /** Which roots go, as a condition over `t0`. */
  condition: string
  /** How many rows of each place are proven and locked. */
  rows: number[]
}

/**
 * Deletes records whose rows are proven and locked: exactly those rows, no fewer, and by no trigger or cascade any more.
 * @param rows of each of the dataset's tables, in the order of `tableNodes`
 * @throws Problem CLEANUP_NOT_PROVEN, SOURCE_…
 */
export async function deleteProven(
  client: pg.ClientBase,
  dataset: Dataset,
  keys: KeyValue[][],
  rows: number[],
): Promise<void> {
  if (keys.length === 0) return
  const condition = keyCondition('t0', dataset.root.key, keys)
  const removal = { client, dataset, places: placesOf(dataset), condition, rows }
  const plain = await isPlain(removal)
  const noted = plain ? [] : await note(removal)
  // The application's triggers expect its own search path; every name in our statements is qualified.
  await client.query('SET LOCAL search_path TO DEFAULT; SET CONSTRAINTS ALL DEFERRED')
  const before = await deletedSoFar(client)
  if (plain) await deleteTree(removal)
  else await deleteNoted(removal, noted)
  await client.query('SET CONSTRAINTS ALL IMMEDIATE')
  await requireNothingElse(removal, before)
}

/**
 * Whether a record's rows are those that foreign keys keep below its root, and deleting them runs none of the
 * application's code. Then there can be no rows below the locked roots but those that were proven; else they are noted
 * one by one before the first is deleted.
 */
async function isPlain({ client, dataset, places }: Removal): Promise<boolean> {
  if (linksInto(dataset).some(({ holders }) => holders.length > 0)) return false
  if (places.some(({ node }) => node.parent !== null && owningKey(node) === undefined)) return false
  const oids = places.map(({ node }) => node.table.oid)
  const { rows } = await client.query<{ plainly: boolean }>(remove.deletesPlainly, [oids])
  return rows[0]!.plainly
}

/** Children before parents. */
async function deleteTree({ client, places, condition, rows }: Removal): Promise<void> {
  for (const [i, place] of [...places.entries()].toReversed()) {
    const { rowCount } = await client.query(remove.deletePlace(place, condition))
    requireAll(place, rowCount, rows[i]!)
  }
}

/** Notes the rows by identity: before anything is deleted, so that no trigger can change which they are. */
async function note({ client, dataset, places, condition, rows }: Removal): Promise<remove.Noted[]> {
  const noted = places.map((place, i) => remove.notedRows(place, i))
  await client.query(noted.map(remove.createNoted).join(';\n'))
  for (const [i, some] of noted.entries()) {
    const { rowCount } = await client.query(remove.noteRows(some, condition))
    // Where no foreign key stands guard, the application may have added some since they were locked.
    if (rowCount !== rows[i])
      throw sourceProblems.SOURCE_CONFLICT(
        `source "${dataset.source}": rows of ${some.place.node.name} were added meanwhile`,
        { retryAfter: 5 },
      )
  }
  await client.query(`ANALYZE ${noted.map(({ table }) => table).join(', ')}`)
  return noted
}

async function deleteNoted({ client, dataset, rows }: Removal, noted: remove.Noted[]): Promise<void> {
  for (const { key, holders } of linksInto(dataset)) {
    for (const holder of noted.filter(({ place }) => holders.some(({ node }) => node === place.node))) {
      const loose = remove.looseColumns(holder, key)
      if (loose.length > 0) await client.query(remove.detach(holder, loose))
    }
  }
  for (const [i, some] of [...noted.entries()].toReversed()) {
    const { rowCount } = await client.query(remove.deleteNoted(some))
    requireAll(some.place, rowCount, rows[i]!)
  }
}

function requireAll({ node }: Place, deleted: number | null, proven: number): void {
  if (deleted !== proven) throw notProven(`${deleted} of ${proven} rows of ${node.name} could be deleted`)
}

async function deletedSoFar(client: pg.ClientBase): Promise<Map<number, number>> {
  const { rows } = await client.query<{ relation: number; deleted: number }>(remove.deletedSoFar)
  return new Map(rows.map(({ relation, deleted }) => [relation, deleted]))
}

/** PostgreSQL's own count of what was deleted must be what is proven, table by table. */
async function requireNothingElse(
  { client, places, rows }: Removal,
  before: Map<number, number>,
): Promise<void> {
  const looked = await client.query<{ counted: boolean; emptied: string[] }>(remove.emptiedTables)
  const { counted, emptied } = looked.rows[0]!
  if (!counted)
    throw notProven(
      'the source doesn’t count what is deleted (track_counts is off), so nothing can be proven',
    )
  if (emptied.length > 0) throw notProven(`a trigger emptied or changed ${emptied.join(', ')}`)
  const proven = new Map<number, number>()
  for (const [i, { node }] of places.entries())
    proven.set(node.table.oid, (proven.get(node.table.oid) ?? 0) + rows[i]!)
  const after = await deletedSoFar(client)
  for (const [relation, deleted] of after) {
    const more = deleted - (before.get(relation) ?? 0) - (proven.get(relation) ?? 0)
    if (more !== 0) throw await unexpected(client, relation, more)
  }
}

async function unexpected(client: pg.ClientBase, relation: number, more: number): Promise<Problem> {
  const { rows } = await client.query<{ name: string }>(remove.nameOfTable, [relation])
  const count = `${Math.abs(more)} ${Math.abs(more) === 1 ? 'row' : 'rows'}`
  return notProven(`a trigger deleted ${count} of ${rows[0]!.name} that no snapshot holds`)
}

function notProven(what: string): Problem {
  return cleanupProblems.CLEANUP_NOT_PROVEN(`${what[0]!.toUpperCase()}${what.slice(1)}.`)
}
