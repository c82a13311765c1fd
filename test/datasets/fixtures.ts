import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Dataset } from '../../src/datasets/definition.ts'
import { printProblem } from '../../src/datasets/problem-list.ts'
import { parseDatasetFile } from '../../src/datasets/read-file.ts'
import { resolveDataset } from '../../src/datasets/resolve.ts'
import type { Catalog } from '../../src/source/catalog.ts'
import { openSource, type SourcePool } from '../../src/source/connect.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { sql, testDatabase } from '../support/postgres.ts'

export const examples = ['legacy-import', 'video-library', 'conversations', 'chat', 'deal-rooms']

export function exampleFile(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}/${name}.yaml`, import.meta.url))
}

export function exampleSchema(name: string): string {
  return readFileSync(new URL(`../../examples/${name}/schema.sql`, import.meta.url), 'utf8')
}

export interface World {
  url: string
  source: SourcePool
  catalog: Catalog
}

/** A source of its own with this schema. */
export async function worldOf(t: Test, schema: string): Promise<World> {
  const url = await testDatabase(t)
  await sql(url, schema)
  const source = openSource('app', url)
  t.teardown(() => source.end())
  return { url, source, catalog: await source.withConnection(readCatalog) }
}

/** A dataset from text, or all its problems as lines. */
export function load(text: string, catalog: Catalog, environment = {}): Dataset | string[] {
  const file = parseDatasetFile('test.yaml', text, environment)
  if (file.declaration === null) return file.problems.map(printProblem)
  const { dataset, problems } = resolveDataset(file.declaration, catalog, {
    file: file.file,
    lineOf: file.lineOf,
    timezone: 'UTC',
  })
  return dataset ?? problems.map(printProblem)
}

export function valid(loaded: Dataset | string[]): Dataset {
  if (Array.isArray(loaded)) throw new Error(loaded.join('\n'))
  return loaded
}

/** A folder of dataset files, gone at the test's end. */
export async function folderOf(t: Test, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast datasets '))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}
