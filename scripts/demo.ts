/**
 * Plays the main job through the HTTP API and prints what it did: snapshot, checksum, damage, what changed, plan, restore,
 * undo, audit trail. Starts an instance of its own in a temporary folder, or uses a running one when HOLDFAST_URL,
 * HOLDFAST_TOKEN (an admin's) and HOLDFAST_SOURCE_APP_URL (its source, with the examples in it) are set.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts'
import { createSample } from '../src/source/sample.ts'

interface Instance {
  url: string
  token: string
  source: string
}

/** An answer of the API; the demo looks at a few fields of each. */
type Body = Record<string, any> // oxlint-disable-line typescript/no-explicit-any

/** What happens to be done to the library, and the SQL that does it. */
const damage: [string, string][] = [
  ['delete categories', `DELETE FROM video_library.categories WHERE NOT is_protected AND id % 3 = 0`],
  [
    'move videos about',
    `UPDATE video_library.category_videos SET position = position + 1000 WHERE video_id % 5 = 0`,
  ],
  ['add a category', `INSERT INTO video_library.categories (name) VALUES ('Added by mistake')`],
]

const { HOLDFAST_URL: url, HOLDFAST_TOKEN: token, HOLDFAST_SOURCE_APP_URL: source } = process.env
const interrupted = new Promise<never>((_resolve, reject) => {
  process.once('SIGINT', () => reject(new Error('interrupted')))
})
interrupted.catch(() => undefined) // While it starts nobody listens yet.
/** What has to be closed again, in reverse order, however far it got. */
const opened: (() => Promise<unknown>)[] = []
try {
  const instance = url && token && source ? { url, token, source } : await startOwn()
  await Promise.race([play(instance), interrupted])
} catch (error) {
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  for (const close of opened.toReversed()) await close()
}

async function play(instance: Instance): Promise<void> {
  const call = caller(instance)
  heading('1. Take a snapshot of the video library')
  const snapshot = await call('POST', '/snapshots', { dataset: 'video-library', title: 'Demo' })
  for (const [table, rows] of Object.entries(snapshot.counts)) line(table, rowsOf(rows as number))
  line('artifact', `${snapshot.bytes} bytes, ${snapshot.storedBytes} stored`)
  line('SHA-256', snapshot.sha256)

  heading('2. Download it and hash it here')
  const content = await fetch(`${instance.url}/api/snapshots/${snapshot.id}/content`, {
    headers: headers(instance),
  })
  const digest = createHash('sha256')
    .update(Buffer.from(await content.arrayBuffer()))
    .digest('hex')
  line('our own sum', digest)
  expect(digest === snapshot.sha256, 'the download does not have the checksum that was recorded')
  line('', 'the same')

  const before = await fingerprint(instance)
  heading('3. Do some damage in the application’s database')
  for (const [what, sql] of damage) line(what, rowsOf(await execute(instance, sql)))
  const damaged = await fingerprint(instance)
  expect(damaged !== before, 'the damage did nothing')

  heading('4. What changed since the snapshot')
  const changes = await call('GET', `/snapshots/${snapshot.id}/changes?limit=200`)
  for (const row of changes.summary)
    line(row.table, `${row.create} new, ${row.update} changed, ${row.delete} gone, ${row.keep} as they were`)

  heading('5. Plan the restore: nothing is written yet')
  const plan = await call('POST', '/restores', { snapshotId: snapshot.id })
  printPlan(plan)
  expect((await fingerprint(instance)) === damaged, 'planning changed the source')

  heading('6. Apply exactly this plan')
  const restored = await call('POST', `/restores/${plan.id}/application`, { planHash: plan.planHash })
  line('status', restored.status)
  line('safety snapshot', restored.preRestoreSnapshotId)
  expect((await fingerprint(instance)) === before, 'the library is not what it was')
  line('by our own SQL', 'every category, assignment and suggestion is as it was')

  heading('7. Undo it: the way back is a plan too')
  const undo = await call('POST', `/restores/${plan.id}/undo`)
  printPlan(undo)
  const undone = await call('POST', `/restores/${undo.id}/application`, { planHash: undo.planHash })
  expect((await fingerprint(instance)) === damaged, 'the undo did not bring back what was there')
  line('by our own SQL', 'the damage is back')
  const redo = await call('POST', `/restores/${undone.id}/undo`)
  await call('POST', `/restores/${redo.id}/application`, { planHash: redo.planHash })
  expect((await fingerprint(instance)) === before, 'undoing the undo did not restore the library')
  line('undone again', 'the library is whole')

  heading('8. Who did what')
  const audit = await call('GET', '/audit?limit=200')
  for (const { seq, at, actorName, actor, action } of audit.items.toReversed())
    line(`#${seq} ${String(at).slice(11, 19)}`, `${actorName ?? actor?.name ?? actor} ${action}`)
  const chain = await call('GET', '/audit/verification')
  expect(chain.ok, `the audit chain is broken: ${JSON.stringify(chain.problem)}`)
  line('chain', `${chain.entries} entries, whole`)
}

function printPlan({ plan, planHash, sample, warningCount }: Body): void {
  for (const [table, of] of Object.entries(plan.tables as Record<string, Body>))
    line(
      table,
      `create ${of.create}, change ${of.update}, delete ${of.delete}, keep ${of.keep}, skip ${of.skip}`,
    )
  line('in records', `create ${plan.create}, change ${plan.update}, delete ${plan.delete}, keep ${plan.keep}`)
  for (const change of ['create', 'update', 'delete']) {
    const record = (sample as Body[]).find((record) => record.change === change)
    if (record !== undefined) line(`   such as ${record.label}`, inWords(record))
  }
  line('warnings', String(warningCount))
  line('plan hash', planHash)
}

/** What becomes of one record, by the first of its rows that a restore writes. */
function inWords({ change, rows }: Body): string {
  if (change === 'create') return 'comes back with all its rows'
  if (change === 'delete') return 'goes; a copy of it is kept first'
  const [row] = rows as Body[]
  const [field] = row!.fields as Body[]
  if (row!.change !== 'update') return `${row!.change}s rows of ${row!.table}`
  return `changes ${row!.table}.${field!.name} from ${field!.before} to ${field!.after}, and so on`
}

function heading(text: string): void {
  console.log(`\n${text}`)
}

function line(what: string, said: string): void {
  console.log(`   ${what.padEnd(36)} ${said}`)
}

function rowsOf(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

/** What the library holds, by names only: internal ids may differ after a restore. */
async function fingerprint(instance: Instance): Promise<string> {
  const rows = await query(
    instance,
    `SELECT c.name, c.is_protected, v.youtube_id, cv.position, NULL AS confidence, NULL AS manual
       FROM video_library.categories c LEFT JOIN video_library.category_videos cv ON cv.category_id = c.id
       LEFT JOIN video_library.videos v ON v.id = cv.video_id
     UNION ALL
     SELECT c.name, NULL, v.youtube_id, NULL, m.confidence::text, k.name FROM video_library.ml_categorizations m
       JOIN video_library.categories c ON c.id = m.suggested_category_id JOIN video_library.videos v ON v.id = m.video_id
       LEFT JOIN video_library.categories k ON k.id = m.manual_category_id
     ORDER BY 1, 3, 4, 5, 6`,
  )
  return JSON.stringify(rows.rows)
}

async function execute(instance: Instance, sql: string): Promise<number> {
  return (await query(instance, sql)).rowCount ?? 0
}

async function query({ source }: Instance, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: source })
  await client.connect()
  return client.query(sql).finally(() => client.end())
}

function headers({ token }: Instance): Record<string, string> {
  return { authorization: `Bearer ${token}`, prefer: 'wait=60' }
}

function caller(instance: Instance) {
  return async (method: 'GET' | 'POST', path: string, body?: object): Promise<Body> => {
    const answer = await fetch(`${instance.url}/api${path}`, {
      method,
      headers: { ...headers(instance), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const json = (await answer.json()) as Body
    expect(answer.ok, `${method} ${path} answered ${answer.status} ${json.code}: ${json.detail}`)
    return json
  }
}

async function startOwn(): Promise<Instance> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  opened.push(() => rm(home, { recursive: true, force: true }))
  await chmod(home, 0o711) // As root the database server runs as another user.
  const database = await startEmbeddedPostgres({ home, log: { info() {}, error: console.error } })
  opened.push(() => database.stop())
  const source = database.url('sample')
  await createSample(source, new Date())
  const token = `hf_${randomBytes(32).toString('base64url')}`
  const service = spawn(process.execPath, ['src/server.ts'], {
    cwd: join(import.meta.dirname, '..'),
    env: {
      ...process.env,
      HOLDFAST_HOME: home,
      PORT: '0',
      LOG_LEVEL: 'error',
      DATABASE_URL: database.url('holdfast'),
      HOLDFAST_SOURCE_APP_URL: source,
      HOLDFAST_DATASETS: join(import.meta.dirname, '../examples'),
      HOLDFAST_BOOTSTRAP_TOKEN: token,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(service, 'exit')
  opened.push(async () => {
    service.kill('SIGINT')
    await ended
  })
  const url = await addressOf(service)
  if (url === null) throw new Error('the service did not start')
  return { url, token, source }
}

async function addressOf(service: ChildProcess): Promise<string | null> {
  for await (const text of createInterface(service.stdout!)) {
    const url = /ready at (\S+)/.exec(text)?.[1]
    if (url !== undefined) return url
  }
  return null
}
