import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Dataset, Declaration } from '../../src/datasets/definition.ts'
import { resolveDataset } from '../../src/datasets/resolve.ts'
import { openDraft } from '../../src/restores/draft-plan.ts'
import type { Mode, Plan, PlanWarning } from '../../src/restores/plan.ts'
import { shareColumns } from '../../src/snapshots/shared-columns.ts'
import { lockRows } from '../../src/restores/write-rows.ts'
import { captureArtifact } from '../../src/snapshots/artifact.ts'
import { readHeader, requireStored, verifyArtifact } from '../../src/snapshots/artifact-reader.ts'
import type { KeyValue, Manifest } from '../../src/snapshots/manifest.ts'
import { isStreamed, pairWithSource } from '../../src/snapshots/pair-with-source.ts'
import { openSource, type SourcePool } from '../../src/source/connect.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { inSharedSnapshot } from '../../src/source/shared-snapshot.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { sql, testDatabase } from './postgres.ts'

export interface Applied {
  plan: Plan
  warnings: PlanWarning[]
  /** Whether the rows went straight into their tables. */
  filled: boolean
}

/** The engine without the service around it: capture, plan and restore of one dataset in a database of its own. */
export interface Engine {
  url: string
  source: SourcePool
  /** In the folder. */
  store: Store
  folder: string
  dataset: Dataset
  sql(text: string): Promise<Record<string, unknown>[]>
  /** Reads the catalog again, after a change of the schema, with another declaration if given. */
  reload(declaration?: Declaration): Promise<void>
  take(): Promise<Manifest>
  plan(manifest: Manifest, options?: { mode?: Mode; keys?: KeyValue[][] }): Promise<Plan>
  /**
   * @param options.source another connection, such as another role's
   * @param options.shown the plan to carry out; without one what is found at the time
   */
  apply(
    manifest: Manifest,
    options?: { mode?: Mode; keys?: KeyValue[][]; source?: SourcePool; shown?: Plan },
  ): Promise<Applied>
}

/** @param schema SQL that creates and fills the tables; @param declaration what is a record */
export async function testEngine(t: Test, schema: string, declaration: Declaration): Promise<Engine> {
  const url = await testDatabase(t)
  await sql(url, schema)
  const source = openSource('app', url)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-engine-'))
  t.teardown(async () => {
    await source.end()
    await rm(folder, { recursive: true })
  })
  const store = openStore(`file:${folder}`)
  let dataset = await resolve(source, declaration)
  let taken = 0

  async function run(
    manifest: Manifest,
    mode: Mode,
    keys: KeyValue[][] | undefined,
    write: boolean,
    through: SourcePool = source,
    shown?: Plan,
  ): Promise<Applied> {
    const { shared, notes } = shareColumns(dataset, await readHeader(store, manifest))
    return through.withConnection(async (client) => {
      const draft = await openDraft({ client, dataset, mode, shared, notes, identity: manifest.sha256 })
      try {
        return await inSharedSnapshot(
          through,
          client,
          write ? 'read write' : 'read only',
          async (instant) => {
            const options = {
              store,
              manifest,
              dataset,
              client,
              instant,
              condition: null,
              ...(keys && { keys }),
            }
            const filled = isStreamed(options) && shown !== undefined && (await draft.fill(shown, through))
            if (filled) await requireStored(store, manifest, new AbortController().signal)
            for await (const _lines of draft.stage(pairWithSource(options)));
            const plan = await draft.settle(write)
            if (!write) return { plan, warnings: plan.warnings, filled }
            if (shown !== undefined && shown.hash !== plan.hash) throw new Error('the plan has drifted')
            await lockRows(client, draft.stages)
            const altered = await draft.write(through)
            await client.query('COMMIT')
            return { plan, warnings: [...plan.warnings, ...altered], filled }
          },
        )
      } finally {
        await draft.drop()
      }
    })
  }

  return {
    url,
    source,
    store,
    folder,
    get dataset() {
      return dataset
    },
    sql: (text) => sql(url, text),
    async reload(changed = declaration) {
      dataset = await resolve(source, changed)
    },
    async take() {
      const key = `artifact-${++taken}.json.zst`
      const artifact = await captureArtifact({
        ...{ source, dataset, store, key, scope: { all: true }, condition: null, few: false },
        ...{ trigger: 'manual', now: () => new Date() },
      })
      const manifest = { ...artifact, key, scope: { all: true }, restoreId: null } as unknown as Manifest
      const verified = await verifyArtifact(store, manifest)
      if (!verified.ok) throw new Error(verified.problems.join('; '))
      return manifest
    },
    plan: async (manifest, { mode = 'replace', keys } = {}) => (await run(manifest, mode, keys, false)).plan,
    apply: (manifest, { mode = 'replace', keys, source: through, shown } = {}) =>
      run(manifest, mode, keys, true, through, shown),
  }
}

async function resolve(source: SourcePool, declaration: Declaration): Promise<Dataset> {
  const catalog = await source.withConnection(readCatalog)
  const { dataset, problems } = resolveDataset(declaration, catalog, {
    file: 'test.yaml',
    lineOf: () => 1,
    timezone: 'UTC',
  })
  if (dataset === null) throw new Error(problems.map(({ path, detail }) => `${path}: ${detail}`).join('\n'))
  return dataset
}

/** Every row of some tables as text, for comparing before and after by other means than the product's. */
export async function dump(engine: Engine, ...tables: string[]): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {}
  for (const table of tables) {
    const found = await engine.sql(`SELECT t::text AS row FROM ${table} AS t ORDER BY t::text COLLATE "C"`)
    rows[table] = found.map(({ row }) => row)
  }
  return rows
}
