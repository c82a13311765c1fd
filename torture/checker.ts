import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { filesBelow, lineOf, parseArtifact, sha256, type ReadArtifact } from './artifacts.ts'
import { breaksIn } from './chain.ts'
import { withClient, type Place } from './place.ts'
import { livelySum, papersOf, recordsOf, stateOf, zones } from './source.ts'
import type { Ledger } from './workloads.ts'

/** What must never change, and what the records were that are removed and brought back. */
export interface Baseline {
  still: string
  beside: string
  removed: Map<string, string>
}

/** How often each promise was looked at, and what was found against it. */
export interface Findings {
  looked: Record<string, number>
  broken: string[]
}

export async function takeBaseline({ source }: Place): Promise<Baseline> {
  return withClient(source, async (client) => ({
    still: await stateOf(client, 'still'),
    beside: await stateOf(client, 'beside'),
    removed: await recordsOf(client, 'removed'),
  }))
}

/**
 * Looks at a place where everything has come to its end, by its own SQL, zstd and SHA-256: none of the product's code
 * takes part.
 */
export async function check(place: Place, baseline: Baseline, ledger: Ledger): Promise<Findings> {
  const findings: Findings = { looked: {}, broken: [] }
  await withClient(place.database, (own) =>
    withClient(place.source, async (source) => {
      const look = new Look(place, own, source, findings)
      await look.read()
      await look.completedIsWhole()
      await look.nothingIsLeftOver()
      await look.restoreIsWholeOrNot(ledger)
      await look.restIsUntouched(baseline)
      await look.nothingIsLost(baseline)
      await look.cleanupIsWhole(baseline)
      await look.oneInstant()
      await look.nothingIsLocked()
      await look.itemsStay(ledger)
      await look.deliveriesAreWhole()
      await look.occurrencesRunOnce()
      await look.chainIsWhole()
    }),
  )
  return findings
}

interface Stored {
  key: string
  status: string
  sha256: string | null
  attempts: number
  deleted: boolean
  restore: string | null
  cleanup: string | null
}

/** What is looked at of an artifact: all of them together don't fit into memory. */
interface Held {
  sha256: string
  /** The records that are removed and brought back, by `lineOf` behind their keys. */
  lines: string[]
  /** What the lively accounts add up to; null where not all of them are in it. */
  sum: number | null
}

function holdsOf(stored: Buffer): Held | null {
  const artifact = parseArtifact(stored)
  return artifact && { sha256: artifact.sha256, lines: removedIn(artifact), sum: livelyIn(artifact) }
}

function removedIn({ records }: ReadArtifact): string[] {
  const removed = new Set(zones.removed.map(String))
  return records
    .filter(({ id }) => removed.has(String(id)))
    .map((record) => `${String(record['id'])} ${lineOf(record)}`)
}

function livelyIn({ records }: ReadArtifact): number | null {
  const lively = new Set(zones.lively.map(String))
  const balances = records.filter(({ id }) => lively.has(String(id)))
  if (balances.length !== lively.size) return null
  return balances.reduce((total, { balance }) => total + Number(balance), 0)
}

/** What the last look found in a place's artifacts, by the hash of their stored bytes: the same bytes say the same. */
const lastFound = new WeakMap<Place, Map<string, Held | null>>()

class Look {
  #place: Place
  #own: pg.ClientBase
  #source: pg.ClientBase
  #findings: Findings
  #files = new Map<string, string>()
  #artifacts = new Map<string, Held | null>()
  #snapshots: Stored[] = []

  constructor(place: Place, own: pg.ClientBase, source: pg.ClientBase, findings: Findings) {
    this.#place = place
    this.#own = own
    this.#source = source
    this.#findings = findings
  }

  #expect(promise: string, isSo: boolean, otherwise: string): void {
    const { looked, broken } = this.#findings
    looked[promise] = (looked[promise] ?? 0) + 1
    if (!isSo) broken.push(`${promise}: ${otherwise}`)
  }

  async #rows<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]> {
    return (await this.#own.query<T>(text, values)).rows
  }

  async read(): Promise<void> {
    const { folder, suffix } = this.#place.store
    this.#files = await filesBelow(folder, suffix)
    this.#snapshots = await this.#rows<Stored>(
      `SELECT key, status, sha256, attempts, deleted_at IS NOT NULL AS deleted, restore_id AS restore, cleanup_id AS cleanup FROM snapshots`,
    )
    const [before, found] = [lastFound.get(this.#place), new Map<string, Held | null>()]
    for (const [key, path] of this.#files) {
      if (!key.endsWith('.json.zst')) continue
      const stored = await readFile(path)
      const hash = sha256(stored)
      const held = before?.get(hash) ?? holdsOf(stored)
      found.set(hash, held)
      this.#artifacts.set(key, held)
    }
    lastFound.set(this.#place, found)
  }

  /** Promise 1, of snapshots and exports; and every manifest has its artifact. */
  async completedIsWhole(): Promise<void> {
    const promise = 'completed is whole'
    for (const { key, status, sha256 } of this.#snapshots) {
      if (status !== 'completed') continue
      const manifest = await this.#json(`${key}.manifest.json`)
      const found = this.#artifacts.get(key)?.sha256
      this.#expect(
        promise,
        found === sha256 && manifest?.['sha256'] === sha256,
        `snapshot ${key} has ${found}, not ${sha256}`,
      )
    }
    const exports = await this.#rows<{ key: string; sha256: string }>(
      `SELECT key, sha256 FROM exports WHERE status = 'completed' AND deleted_at IS NULL`,
    )
    for (const { key, sha256: wanted } of exports) {
      const path = this.#files.get(key)
      const found = path === undefined ? 'nothing' : sha256(await readFile(path))
      this.#expect(
        promise,
        found === wanted && this.#files.has(`${key}.manifest.json`),
        `export ${key} has ${found}, not ${wanted}`,
      )
    }
    for (const key of this.#files.keys()) {
      if (!key.endsWith('.manifest.json')) continue
      this.#expect(
        promise,
        this.#files.has(key.slice(0, -'.manifest.json'.length)),
        `${key} has nothing beside it`,
      )
    }
  }

  async #json(key: string): Promise<Record<string, unknown> | null> {
    const path = this.#files.get(key)
    return path === undefined ? null : (JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)
  }

  /** Every byte in the store belongs to something that is listed, or is what the sweep takes away. */
  async nothingIsLeftOver(): Promise<void> {
    const kept = this.#snapshots.filter(({ status }) => status === 'completed').map(({ key }) => key)
    const exports = await this.#rows<{ key: string }>(`SELECT key FROM exports WHERE status = 'completed'`)
    const known = new Set(
      [...kept, ...exports.map(({ key }) => key)].flatMap((key) => [key, `${key}.manifest.json`]),
    )
    for (const key of this.#files.keys()) {
      const isOwn = known.has(key) || /^\.holdfast\/|^audit\/heads\//.test(key)
      this.#expect('no orphan bytes', isOwn, `${key} belongs to nothing`)
    }
  }

  /** Promise 4: the restored zone is as before or as after, and the service says which. */
  async restoreIsWholeOrNot({ restore }: Ledger): Promise<void> {
    if (restore === null) return
    const now = await stateOf(this.#source, 'restored')
    const [row] =
      restore.id === null
        ? []
        : await this.#rows<{ status: string }>('SELECT status FROM restores WHERE id = $1', [restore.id])
    const wanted = row?.status === 'completed' ? restore.after : restore.before
    const is = now === restore.before ? 'as before' : now === restore.after ? 'as after' : 'torn'
    this.#expect(
      'restores whole or not at all',
      now === wanted,
      `restore ${restore.id} is ${row?.status}, the rows are ${is}`,
    )
  }

  async restIsUntouched({ still, beside }: Baseline): Promise<void> {
    const promise = 'other rows untouched'
    this.#expect(promise, (await stateOf(this.#source, 'still')) === still, 'accounts that nobody named')
    this.#expect(
      promise,
      (await stateOf(this.#source, 'beside')) === beside,
      'accounts beside the restored ones',
    )
    const files = await filesBelow(this.#place.documents)
    for (const [key, bytes] of papersOf(zones.delivered)) {
      const path = files.get(key)
      this.#expect(promise, path !== undefined && bytes.equals(await readFile(path)), `the file ${key}`)
    }
  }

  /** Promise 5: each record is in the source, or in an artifact that hashes to what its manifest says. */
  async nothingIsLost({ removed }: Baseline): Promise<void> {
    const held = new Set<string>()
    for (const [key, artifact] of this.#artifacts) {
      const manifest = await this.#json(`${key}.manifest.json`)
      if (artifact === null || manifest?.['sha256'] !== artifact.sha256) continue
      for (const line of artifact.lines) held.add(line)
    }
    const there = await recordsOf(this.#source, 'removed')
    for (const [id, line] of removed) {
      const isSafe = there.has(id) ? there.get(id) === line : held.has(`${id} ${line}`)
      this.#expect('nothing gone unheld', isSafe, `account ${id} is ${there.has(id) ? 'altered' : 'gone'}`)
    }
  }

  /** Promise 4, of cleanups: what each says that it removed is what is gone, unless it was brought back. */
  async cleanupIsWhole({ removed }: Baseline): Promise<void> {
    const promise = 'cleanups whole or not at all'
    const there = await recordsOf(this.#source, 'removed')
    const claimed = new Set(
      (
        await this.#rows<{ id: string }>(
          `SELECT DISTINCT i.key::jsonb->>0 AS id FROM cleanup_items i JOIN cleanups c ON c.id = i.cleanup_id WHERE c.target = 'records' AND i.outcome = 'REMOVED'`,
        )
      ).map(({ id }) => id),
    )
    for (const id of removed.keys())
      this.#expect(promise, there.has(id) || claimed.has(id), `account ${id} is gone and no cleanup says so`)
    const [latest] = await this.#rows<{ gone: string[]; undone: boolean }>(
      `SELECT coalesce((SELECT array_agg(key::jsonb->>0) FROM cleanup_items WHERE cleanup_id = c.id AND outcome = 'REMOVED'), '{}') AS gone,
         EXISTS (SELECT FROM restores r WHERE r.mode = 'missing' AND r.status = 'completed' AND r.created_at > c.created_at) AS undone
       FROM cleanups c WHERE target = 'records' ORDER BY created_at DESC, id DESC LIMIT 1`,
    )
    if (latest === undefined || latest.undone) return
    for (const id of latest.gone)
      this.#expect(promise, !there.has(id), `account ${id} is there although the latest cleanup removed it`)
  }

  /** Promise 3: money that moves all the time adds up in every artifact. */
  async oneInstant(): Promise<void> {
    for (const [key, artifact] of this.#artifacts) {
      if (!this.#files.has(`${key}.manifest.json`) || artifact === null || artifact.sum === null) continue
      this.#expect('one instant', artifact.sum === livelySum, `${key} adds up to ${artifact.sum}`)
    }
  }

  async nothingIsLocked(): Promise<void> {
    // Not of the server's own processes: one that vacuums locks what it works on, and lets go.
    const sessions = await this.#source.query<{ name: string; state: string }>(
      `SELECT application_name AS name, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name <> 'writer' AND backend_type <> 'autovacuum worker' AND (state LIKE 'idle in transaction%' OR xact_start < clock_timestamp() - interval '30 s')`,
    )
    const locks = await this.#source.query<{ relation: string; name: string }>(
      `SELECT relation::regclass::text AS relation, application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.pid <> pg_backend_pid()
          AND backend_type <> 'autovacuum worker'
          AND relation::regclass::text LIKE 'torture.%' AND application_name <> 'writer'`,
    )
    const left = [...sessions.rows, ...locks.rows].map((row) => JSON.stringify(row))
    this.#expect('no lock left', left.length === 0, left.join(', '))
    const prepared = await this.#source.query('SELECT FROM pg_prepared_xacts')
    this.#expect('no lock left', prepared.rowCount === 0, 'a prepared transaction')
  }

  /** Promise 9: what was acknowledged stays recorded, and the counts are those of the items. */
  async itemsStay({ acknowledged }: Ledger): Promise<void> {
    for (const [id, items] of acknowledged) {
      const rows = await this.#rows<{ id: string; state: string }>(
        'SELECT id, state FROM batch_items WHERE batch_id = $1',
        [id],
      )
      const completed = new Set(rows.filter(({ state }) => state === 'completed').map((item) => item.id))
      const lost = [...items].filter((item) => !completed.has(item))
      this.#expect('batch items stay done', lost.length === 0, `batch ${id} forgot ${lost.join(', ')}`)
    }
  }

  /** Each file of a delivery that is over is at its destination once, with the original's bytes. */
  async deliveriesAreWhole(): Promise<void> {
    const promise = 'deliveries whole'
    const originals = papersOf(zones.delivered)
    const wanted = [...originals.values()].map(sha256).sort().join()
    const over = await this.#rows<{ id: string; path: string | null; prefix: string | null }>(
      `SELECT id, destination->>'path' AS path, destination->>'prefix' AS prefix FROM deliveries WHERE status = 'completed'`,
    )
    const archived = await filesBelow(this.#place.archive, '._S3rver_object')
    for (const { id, path, prefix } of over) {
      const files =
        path === null ? below(archived, prefix!) : await filesBelow(join(this.#place.deliveries, path))
      const papers = [...files].filter(
        ([name]) => !/(^|\/)delivery-/.test(name) && !name.startsWith('.holdfast'),
      )
      const found = await Promise.all(papers.map(async ([, file]) => sha256(await readFile(file))))
      this.#expect(
        promise,
        found.sort().join() === wanted,
        `${id} has ${found.length} of ${originals.size} files right`,
      )
      const [index] = await this.#rows<{ files: number }>(
        'SELECT count(*)::int AS files FROM delivered_files WHERE delivery_id = $1',
        [id],
      )
      this.#expect(promise, index!.files === originals.size, `${id} lists ${index!.files}`)
    }
  }

  /** Promise 10: of a schedule of every minute, each one since it was first seen has one row, from the first to the last. */
  async occurrencesRunOnce(): Promise<void> {
    const rows = await this.#rows<{ due: Date; after: Date | null }>(
      `SELECT due_at AS due, lag(due_at) OVER (ORDER BY due_at) AS after FROM schedule_runs
        WHERE schedule = 'backup.accounts' AND trigger = 'scheduled'`,
    )
    for (const { due, after } of rows) {
      if (after === null) continue
      const isNext = due.getTime() - after.getTime() === 60_000
      this.#expect('occurrences once', isNext, `${due.toISOString()} follows ${after.toISOString()}`)
    }
  }

  /** Promise 12; and no change of state came without its entry. */
  async chainIsWhole(): Promise<void> {
    const breaks = await breaksIn(this.#own)
    this.#expect('audit chain whole', breaks.length === 0, breaks.join('; '))
    const unsaid = await this.#rows<{ what: string }>(
      `SELECT 'snapshot ' || id AS what FROM snapshots s WHERE status = 'completed'
          AND NOT EXISTS (SELECT FROM audit_entries WHERE entity_ids[1] = s.id::text AND action = 'snapshot.taken')
       UNION ALL SELECT 'restore ' || id FROM restores r WHERE status = 'completed'
          AND NOT EXISTS (SELECT FROM audit_entries WHERE entity_ids[1] = r.id::text AND action = 'restore.applied')
       UNION ALL SELECT 'export ' || id FROM exports e WHERE status = 'completed'
          AND NOT EXISTS (SELECT FROM audit_entries WHERE entity_ids[1] = e.id::text AND action = 'export.completed')
       UNION ALL SELECT 'cleanup ' || id FROM cleanups c WHERE status = 'completed'
          AND NOT EXISTS (SELECT FROM audit_entries WHERE entity_ids[1] = c.id::text AND action = 'cleanup.completed')`,
    )
    this.#expect('audit chain whole', unsaid.length === 0, unsaid.map(({ what }) => what).join(', '))
    const twice = await this.#rows<{ what: string }>(
      `SELECT entity_ids[1] || ' ' || action AS what FROM audit_entries
        WHERE action IN ('snapshot.taken', 'restore.applied', 'export.completed', 'cleanup.completed') GROUP BY 1 HAVING count(*) > 1`,
    )
    this.#expect(
      'audit chain whole',
      twice.length === 0,
      `twice: ${twice.map(({ what }) => what).join(', ')}`,
    )
  }
}

function below(files: Map<string, string>, prefix: string): Map<string, string> {
  return new Map(
    [...files]
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, path]) => [name.slice(prefix.length + 1), path]),
  )
}

/** Operations that have neither ended nor wait for somebody. */
export function unfinished(database: string): Promise<string[]> {
  return withClient(database, unfinishedIn)
}

/** The same over a connection that is there, for whoever asks again and again. */
export async function unfinishedIn(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT 'snapshot ' || id || ' ' || status AS what FROM snapshots WHERE status IN ('queued', 'generating') OR store_due
       UNION ALL SELECT 'restore ' || id || ' ' || status FROM restores WHERE status IN ('planning', 'applying')
       UNION ALL SELECT 'export ' || id || ' ' || status FROM exports WHERE status IN ('queued', 'generating') OR store_due
       UNION ALL SELECT 'cleanup ' || id || ' ' || status FROM cleanups WHERE status IN ('capturing', 'removing')
       UNION ALL SELECT 'batch ' || id || ' ' || status FROM batches WHERE way = 'built-in' AND status IN ('running', 'cancelling')
       UNION ALL SELECT 'lease ' || id FROM batch_leases WHERE expires_at < now() - interval '5 s'
       UNION ALL SELECT 'delivery ' || id || ' ' || status FROM deliveries WHERE status IN ('preparing', 'delivering') OR conclusion_due
       UNION ALL SELECT 'run ' || id || ' ' || status FROM schedule_runs WHERE status IN ('queued', 'running')`,
  )
  return rows.map(({ what }) => what)
}
