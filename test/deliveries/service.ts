import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { documentFiles } from '../../examples/legacy-import/files.ts'
import { createSampleFiles } from '../../src/source/sample-files.ts'
import { openStore } from '../../src/storage/open-store.ts'
import { graphServer, type GraphServer } from '../support/graph-server.ts'
import { snapshotService, take, type Body, type Service } from '../snapshots/service.ts'
import { sql } from '../support/postgres.ts'
import type { TestAppOptions } from '../support/app.ts'

export interface DeliveryService extends Service {
  graph: GraphServer
  /** Where folder deliveries go. */
  root: string
  /** Where the originals are. */
  documents: string
  /** Ids of the sessions, those with the fewest documents first. */
  sessions: string[]
}

/** The service over the examples, the documents as files in a folder, and a stand-in for Graph. */
export async function deliveryService(
  t: Test,
  options: Pick<TestAppOptions, 'clock' | 'logger' | 'environment'> = {},
): Promise<DeliveryService> {
  const graph = await graphServer(t)
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-deliveries-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const root = await mkdtemp(join(folder, 'root-'))
  const documents = join(folder, 'documents')
  const service = await snapshotService(t, {
    ...options,
    environment: {
      GRAPH_API_URL: graph.url,
      HOLDFAST_DELIVERY_ROOT: root,
      HOLDFAST_STORE_DOCUMENTS_URL: `file:${documents}`,
      ...options.environment,
    },
  })
  await makeFew(service.source)
  await createSampleFiles(service.source, documents)
  const rows = await sql(
    service.source,
    'SELECT session_id AS id FROM legacy_import.documents GROUP BY 1 ORDER BY count(*), 1',
  )
  return { ...service, graph, root, documents, sessions: rows.map(({ id }) => String(id)) }
}

/** Leaves 24 documents in each session, some of which have the same name but for its case. */
async function makeFew(source: string): Promise<void> {
  await sql(
    source,
    `DELETE FROM legacy_import.documents WHERE id NOT IN (
       SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY session_id ORDER BY id) AS n
         FROM legacy_import.documents) AS numbered WHERE n <= 24);
     UPDATE legacy_import.documents AS d SET category = c.name, file_name = named.name
     FROM (SELECT id, session_id, (ARRAY['Report.pdf', 'report.PDF', 'Report (2).pdf', 'REPORT.pdf'])[n] AS name
       FROM (SELECT id, session_id, row_number() OVER (PARTITION BY session_id ORDER BY id) AS n
         FROM legacy_import.documents) AS numbered WHERE n <= 4) AS named
     JOIN LATERAL (SELECT name FROM legacy_import.categories WHERE session_id = named.session_id
       ORDER BY position LIMIT 1) AS c ON true
     WHERE d.id = named.id;
     UPDATE legacy_import.documents SET category = NULL WHERE id IN (
       SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY session_id ORDER BY id) AS n
         FROM legacy_import.documents) AS numbered WHERE n = 5)`,
  )
}

/** A fresh snapshot of sessions, so that the gate opens. */
export async function snapshotOf(service: Service, keys: string[]): Promise<Body> {
  return take(service, { dataset: 'legacy-import', scope: { keys } })
}

/** What the tables say should be delivered: by document, its bytes' hash. */
export async function expectedHashes(source: string, session: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: source })
  await client.connect()
  try {
    const hashes: string[] = []
    for await (const { key, bytes } of documentFiles(client))
      if (key.startsWith(`sessions/${session}/`)) hashes.push(sha256(bytes))
    return hashes.sort()
  } finally {
    await client.end()
  }
}

/** Every file below a folder: path and hash, the index left out. */
export async function filesIn(folder: string): Promise<{ path: string; sha256: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('.holdfast'))
  return Promise.all(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isIndex(path))
      .map(async (path) => ({ path: path.slice(folder.length + 1), sha256: sha256(await readFile(path)) })),
  )
}

/** The same for a bucket. */
export async function filesInStore(url: string, prefix: string): Promise<{ path: string; sha256: string }[]> {
  const store = openStore(url)
  const files: { path: string; sha256: string }[] = []
  for await (const { key } of store.list(`${prefix}/`)) {
    const chunks = await Array.fromAsync(await store.get(key))
    if (!isIndex(key))
      files.push({ path: key.slice(prefix.length + 1), sha256: sha256(Buffer.concat(chunks as Buffer[])) })
  }
  return files
}

/** The same for a drive. */
export function filesOnDrive({ files }: GraphServer, folder: string): { path: string; sha256: string }[] {
  return [...files.values()]
    .filter(({ path }) => path.startsWith(`${folder}/`) && !isIndex(path))
    .map(({ path, bytes }) => ({ path: path.slice(folder.length + 1), sha256: sha256(bytes) }))
}

export function isIndex(path: string): boolean {
  return /(^|\/)delivery-[\da-f-]{36}\.(csv|json)$/.test(path)
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
