import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Dataset, Files } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import { RowReader, splitFields } from '../source/copy.ts'
import type { KeyValue } from '../source/keys.ts'
import type { SourcePool } from '../source/connect.ts'
import type { Store } from '../storage/store.ts'
import { cleanupProblems } from './errors.ts'
import { objectFields, objectsQuery, type FilesOf } from './file-queries.ts'
import { eachAtOnce } from './each-at-once.ts'
import type { FilesPlan, LeftCode } from './plan.ts'

export interface FilesSurveyOptions {
  dataset: Dataset
  scope: Scope
  held: KeyValue[][]
  /** Which of some objects are left to another cleanup. */
  skip?: (keys: string[]) => Promise<Set<string>>
  /** Which of some objects may go at all. */
  only?: (keys: string[]) => Promise<Set<string>>
  /** Told of the objects that would be removed, in order. */
  onPlanned: (keys: string[]) => Promise<void>
}

const shownObjects = 20
const shownLeft = 200
const batchObjects = 500

/** Requests to the store at the same time. */
export const storeConcurrency = 8

/** The files of a dataset. @throws Problem DATASET_WITHOUT_FILES */
export function requireFiles({ files, name }: Dataset): Files {
  if (files !== null) return files
  throw cleanupProblems.DATASET_WITHOUT_FILES(`Dataset "${name}" declares no \`files\`.`)
}

/**
 * Goes through the objects that a scope's records name, and asks the store for each.
 * @returns the plan, and the SHA-256 (hex) over the objects' keys and which of them stay
 * @throws Problem DATASET_WITHOUT_FILES, STORE_UNKNOWN, STORE_UNREACHABLE, SOURCE_…
 */
export async function surveyFiles(
  app: FastifyInstance,
  options: FilesSurveyOptions,
): Promise<{ plan: FilesPlan; linesSha256: string }> {
  const { dataset, scope, held } = options
  const files = requireFiles(dataset)
  const store = app.stores.get(files.store)
  const condition = scopeLiteral(dataset, scope)
  const digest = createHash('sha256')
  const plan: FilesPlan = {
    ...{
      store: files.store,
      objects: 0,
      bytes: 0,
      missing: 0,
      kept: 0,
      sample: [],
      left: [],
      leftCounts: {},
    },
  }
  for await (const batch of objectsOf(app.datasets.source(dataset), { dataset, files, condition, held })) {
    for (const { key, stays } of batch) digest.update(`${JSON.stringify([key, stays])}\n`)
    const keys = batch.map(({ key }) => key)
    const skipped = (await options.skip?.(keys)) ?? new Set()
    const allowed = (await options.only?.(keys)) ?? null
    const going: string[] = []
    for (const { key, stays } of batch) {
      if (stays) keep(plan, key, 'REFERENCED', 'A record that stays names it too.')
      else if (allowed?.has(key) === false) keep(plan, key, 'UNDELIVERED', 'It was not part of the delivery.')
      else if (skipped.has(key)) keep(plan, key, 'PLANNED', 'Another cleanup that waits has it already.')
      else going.push(key)
    }
    await measure(plan, store, going)
    await options.onPlanned(going)
  }
  return { plan, linesSha256: digest.digest('hex') }
}

function keep(plan: FilesPlan, key: string, code: LeftCode, detail: string): void {
  plan.kept++
  plan.leftCounts[code] = (plan.leftCounts[code] ?? 0) + 1
  if (plan.left.length < shownLeft) plan.left.push({ key: [key], code, detail })
}

async function measure(plan: FilesPlan, store: Store, keys: string[]): Promise<void> {
  const found = await eachAtOnce(keys, storeConcurrency, (key) => store.head(key))
  for (const [i, object] of found.entries()) {
    if (object === null) plan.missing++
    else {
      plan.objects++
      plan.bytes += object.bytes
      if (plan.sample.length < shownObjects) plan.sample.push({ key: keys[i]!, bytes: object.bytes })
    }
  }
}

async function* objectsOf(
  source: SourcePool,
  of: FilesOf,
): AsyncGenerator<{ key: string; stays: boolean }[]> {
  let position: string | null = null
  for (;;) {
    const batch = await readObjects(source, of, position)
    if (batch.length > 0) yield batch
    if (batch.length < batchObjects) return
    position = batch.at(-1)!.key
  }
}

/** A page at a time, so that no connection is kept while the store is asked. */
async function readObjects(source: SourcePool, of: FilesOf, after: string | null) {
  return source.withConnection(async (client) => {
    const reader = new RowReader(client, objectsQuery(of, { after, limit: batchObjects }))
    const objects: { key: string; stays: boolean }[] = []
    do {
      for (let line = reader.next(); line !== null; line = reader.next()) {
        const [key, stays] = splitFields(line, objectFields).map(String)
        objects.push({ key: JSON.parse(key!) as string, stays: stays === '1' })
      }
    } while (await reader.fill())
    return objects
  })
}
