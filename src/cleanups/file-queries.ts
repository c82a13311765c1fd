import type { Dataset, Files } from '../datasets/definition.ts'
import { quoteIdentifier as quote, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { joinChain, type Condition } from '../snapshots/capture-queries.ts'
import { identityOf, placesOf } from './links.ts'

/** Columns of each line of `objectsQuery`. */
export const objectFields = 2

export interface FilesOf {
  dataset: Dataset
  files: Files
  condition: Condition
  /** Keys of held records. */
  held: KeyValue[][]
}

/**
 * The objects that the records of a scope name, each once and in order of their bytes: the key in the store as JSON, and
 * 1 where a record that stays names it too: one outside the scope, a protected or a held one.
 * @param page those after an object, so many at most
 */
export function objectsQuery(of: FilesOf, { after, limit }: { after: string | null; limit: number }): string {
  const { files } = of
  const { chain } = placeOf(of)
  const own = `t${chain.length - 1}`
  const key = `${own}.${quote(files.key.name)}::text`
  const where = [
    of.condition,
    `${key} <> ''`,
    after === null ? null : `${key} COLLATE "C" > ${quoteLiteral(after)}`,
  ]
  return `SELECT pg_catalog.to_json(r.object)::text, CASE WHEN ${namedBy(of, 'r.object')} THEN '1' ELSE '0' END FROM (
    SELECT ${key} AS object FROM ${joinChain(chain)}
     WHERE ${where.flatMap((condition) => (condition === null ? [] : [`(${condition})`])).join(' AND ')}
     GROUP BY ${key} ORDER BY ${key} COLLATE "C" LIMIT ${limit}) AS r
    ORDER BY r.object COLLATE "C"`
}

/** Which of some objects a record that stays names. */
export function keptObjects(of: FilesOf, objects: string[]): string {
  return `SELECT r.object FROM pg_catalog.unnest(${list(objects)}) AS r (object) WHERE ${namedBy(of, 'r.object')}`
}

/** True where a row names the object that does not belong to a record whose files may go. */
function namedBy(of: FilesOf, object: string): string {
  const { dataset, files, condition, held } = of
  const { chain } = placeOf(of)
  const own = `t${chain.length - 1}`
  const same = identityOf(files.node).map(({ name }) => `${own}.${quote(name)} = o.${quote(name)}`)
  const { protect, key } = dataset.root
  const goes = [
    ...same,
    ...(condition === null ? [] : [`(${condition})`]),
    ...(protect === null ? [] : [`t0.${quote(protect.name)} IS NOT TRUE`]),
    ...(held.length === 0 ? [] : [`NOT (${keyCondition('t0', key, held)})`]),
  ]
  return `EXISTS (SELECT FROM ${quoteTable(files.node.table)} AS o WHERE o.${quote(files.key.name)}::text = ${object}
    AND NOT EXISTS (SELECT FROM ${joinChain(chain)} WHERE ${goes.join(' AND ')}))`
}

function placeOf({ dataset, files }: FilesOf) {
  return placesOf(dataset).find(({ node }) => node === files.node)!
}

function list(objects: string[]): string {
  return `(SELECT pg_catalog.array_agg(value) FROM pg_catalog.json_array_elements_text(${quoteLiteral(JSON.stringify(objects))}::json))`
}
