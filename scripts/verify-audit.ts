/**
 * Checks Holdfast's audit chain from outside: shares no code with the service, and needs nothing but Node and, for a
 * database, the package `pg`.
 *
 *   npm run verify-audit -- <postgres://… | audit.ndjson | -> [seq:hash | head.json]
 *
 * The source is a connection string, a file from GET /api/audit/download, or - for standard input. `seq:hash` is a head
 * that was published earlier, `head.json` one that Holdfast put into its store (`audit/heads/<date>.json`): with it, a tail
 * that was cut off or rewritten is found too.
 *
 * Prints the verdict. Exits 0 when the chain is whole, 1 naming the first bad entry, 2 when it could not be read.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import pg from 'pg'

interface Line {
  seq: number
  id: string
  at: string
  actor: { type: string; id: string | null; name: string; email: string | null; role: string }
  action: string
  outcome: string
  entityType: string
  entityIds: string[]
  dataset: string | null
  requestId: string | null
  address: string | null
  metadata: unknown
  snapshotId: string | null
  previousHash: string
  hash: string
}

/** An entry with its metadata as the text that was hashed. */
type Entry = Omit<Line, 'metadata'> & { metadata: string }

/**
 * Reads a chain and looks at every entry.
 * @param source a connection string, a file's path, or - for standard input
 * @param published a head as `seq:hash`
 * @returns `bad` names the first entry that is wrong, and how; null when the chain is whole
 */
export async function verifyFrom(source: string, published?: string) {
  return check(/^postgres(ql)?:\/\//.test(source) ? fromDatabase(source) : fromLines(source), published)
}

if (import.meta.main) await main()

async function main(): Promise<void> {
  const [source, given] = process.argv.slice(2)
  const isHead = given === undefined || /^\d+:[0-9a-f]{64}$/.test(given)
  if (source === undefined || !(isHead || given.endsWith('.json'))) {
    console.error('usage: npm run verify-audit -- <postgres://… | audit.ndjson | -> [seq:hash | head.json]')
    process.exitCode = 2
    return
  }
  try {
    const { bad, seq, hash } = await verifyFrom(source, isHead ? given : await readHead(given))
    if (bad !== null) console.error(`BROKEN at entry ${bad}`)
    else console.log(`OK: ${seq} entries; head ${seq}:${hash}`)
    process.exitCode = bad === null ? 0 : 1
  } catch (error) {
    console.error(`could not be read: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 2
  }
}

/** A head from the store: its own hash shows that it is as it was written. */
async function readHead(path: string): Promise<string> {
  const { sha256, ...head } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  if (createHash('sha256').update(canonical(head)).digest('hex') !== sha256)
    throw new Error(`${path} is not as it was written`)
  return `${String(head['seq'])}:${String(head['hash'])}`
}

async function check(entries: AsyncIterable<Entry>, published: string | undefined) {
  const [publishedSeq, publishedHash] = published?.split(':') ?? []
  let seq = 0
  let hash = '0'.repeat(64)
  let id = ''
  const broken = (at: number, name: string, why: string) => ({
    bad: `${at} (${name || 'absent'}): ${why}`,
    seq,
    hash,
  })
  for await (const entry of entries) {
    if (entry.seq > seq + 1) return broken(seq + 1, '', 'removed: the next one there is number ' + entry.seq)
    if (entry.seq !== seq + 1) return broken(entry.seq, entry.id, 'inserted: its number is taken')
    if (digest(entry) !== entry.hash) return broken(entry.seq, entry.id, explain(entry))
    if (entry.previousHash !== hash)
      return broken(seq, id, `edited: entry ${entry.seq} was written after another one`)
    if (String(entry.seq) === publishedSeq && entry.hash !== publishedHash)
      return broken(entry.seq, entry.id, 'rewritten: it is not the one that was published')
    seq = entry.seq
    hash = entry.hash
    id = entry.id
  }
  if (Number(publishedSeq ?? 0) > seq) return broken(seq + 1, '', `cut: entry ${publishedSeq} was published`)
  return { bad: null, seq, hash }
}

function explain(entry: Entry): string {
  for (let seq = Math.max(1, entry.seq - 1000); seq <= entry.seq + 1000; seq++) {
    if (digest({ ...entry, seq }) !== entry.hash) continue
    return seq < entry.seq
      ? `inserted: it was written as number ${seq}, so one was put in before it`
      : `reordered: it was written as number ${seq}, so those before it were moved or removed`
  }
  return 'edited: it does not say what was hashed when it was written'
}

/** SHA-256 of the fields as a JSON array of strings and nulls, without white space. */
function digest({ actor, ...entry }: Entry): string {
  const { type, id, name, email, role } = actor
  const { action, outcome, entityType, dataset, requestId, address, metadata, snapshotId } = entry
  const place = ['holdfast-audit-1', `${entry.seq}`, entry.previousHash, entry.id, entry.at]
  const who = [type, id, name, email, role]
  const what = [action, outcome, entityType, JSON.stringify(entry.entityIds), dataset]
  const how = [requestId, address, metadata, snapshotId]
  return createHash('sha256')
    .update(JSON.stringify([place, who, what, how].flat()), 'utf8')
    .digest('hex')
}

async function* fromLines(path: string): AsyncGenerator<Entry> {
  const input: Readable = path === '-' ? process.stdin : createReadStream(path)
  let rest = ''
  // Not node:readline, which also ends lines at U+2028, where JSON doesn't.
  for await (const chunk of input.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield fromLine(line)
  }
  if (rest !== '') yield fromLine(rest)
}

function fromLine(text: string): Entry {
  const line = JSON.parse(text) as Line
  return { ...line, metadata: canonical(line.metadata) }
}

/** RFC 8785: members sorted, no white space. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join()}}`
}

async function* fromDatabase(url: string): AsyncGenerator<Entry> {
  const client = new pg.Client({ connectionString: url, application_name: 'verify-audit' })
  await client.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query(`DECLARE chain NO SCROLL CURSOR FOR
      SELECT *, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at_text
      FROM audit_entries ORDER BY seq, id`)
    for (;;) {
      const { rows } = await client.query<Row>('FETCH 1000 FROM chain')
      if (rows.length === 0) return
      for (const row of rows) yield fromRow(row)
    }
  } finally {
    await client.end()
  }
}

type Row = Record<string, string> & { entity_ids: string[] }

function fromRow(row: Row): Entry {
  const text = (name: string) => row[name] ?? null
  const needed = (name: string) => String(row[name])
  return {
    seq: Number(row['seq']),
    id: needed('id'),
    at: needed('at_text'),
    actor: {
      type: needed('actor_type'),
      id: text('actor_id'),
      name: needed('actor_name'),
      email: text('actor_email'),
      role: needed('actor_role'),
    },
    action: needed('action'),
    outcome: needed('outcome'),
    entityType: needed('entity_type'),
    entityIds: row.entity_ids,
    dataset: text('dataset'),
    requestId: text('request_id'),
    address: text('address'),
    metadata: needed('metadata'),
    snapshotId: text('snapshot_id'),
    previousHash: needed('previous_hash'),
    hash: needed('hash'),
  }
}
