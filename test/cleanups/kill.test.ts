import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { unzstd } from '../snapshots/zstd.ts'
import { call, followToEnd, killInstance, startInstance, type Answer } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Kills while a cleanup is under way, spread over the time that an undisturbed one takes. */
const kills = 3

const records = `SELECT s.id::text AS id, s.visitor_name AS name, (SELECT count(*)::int FROM chat.messages m WHERE m.session_id = s.id) AS messages,
  coalesce((SELECT string_agg(m.id::text, ',' ORDER BY m.id) FROM chat.messages m WHERE m.session_id = s.id), '') AS ids FROM chat.sessions s`

/** One line a record, by independent SQL. */
async function inSource(source: string): Promise<Map<string, string>> {
  const rows = await sql(source, records)
  return new Map(
    rows.map(({ id, name, messages, ids }) => [String(id), JSON.stringify([name, messages, ids])]),
  )
}

/** The same out of every artifact in the store whose manifest's SHA-256 is that of its bytes. */
async function inArtifacts(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.manifest.json')) continue
    const manifest = JSON.parse(await readFile(join(folder, name), 'utf8')) as Answer
    const bytes = unzstd(await readFile(join(folder, name.replace(/\.manifest\.json$/, ''))))
    if (createHash('sha256').update(bytes).digest('hex') !== manifest.sha256)
      throw new Error(`${name} is damaged`)
    for (const record of (JSON.parse(bytes.toString()) as Answer).records) {
      const ids = record.messages
        .map(({ id }: Answer) => String(id))
        .sort((a: string, b: string) => Number(a) - Number(b))
      found.set(String(record.id), JSON.stringify([record.visitor_name, ids.length, ids.join(',')]))
    }
  }
  return found
}

t.test('killed at any moment, each record is in the source or in a verified artifact', async (t: Test) => {
  const source = await testDatabase(t, await sampleTemplate())
  const home = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const environment = {
    HOLDFAST_HOME: home,
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: join(root, 'examples'),
  }
  let instance = await startInstance(environment)
  t.teardown(() => killInstance(instance))
  const all = await inSource(source)
  const ids = [...all.keys()].sort((a, b) => Number(a) - Number(b))
  const share = Math.floor(ids.length / (kills + 1))
  const begin = async (i: number) => {
    const wanted = {
      dataset: 'chat',
      scope: { keys: ids.slice(i * share, (i + 1) * share) },
      target: 'records',
    }
    const { planHash } = await call(instance, '/cleanups', wanted)
    return { ...wanted, confirmDelete: true, planHash }
  }
  const first = await begin(kills)
  const began = performance.now()
  t.match(await call(instance, '/cleanups', first), {
    status: 'completed',
    counts: { removed: share, left: 0 },
  })
  const duration = performance.now() - began

  for (let i = 0; i < kills; i++) {
    const wanted = await begin(i)
    const asked = call(instance, '/cleanups', wanted).catch(() => null)
    await Promise.race([asked, timeout((duration * (i + 0.5)) / kills)])
    await killInstance(instance)
    await asked
    const [there, kept] = [await inSource(source), await inArtifacts(join(home, 'store'))]
    const lost = ids.filter((id) => there.get(id) !== all.get(id) && kept.get(id) !== all.get(id))
    t.same(lost, [], `kill ${i}: none is lost`)
    instance = await startInstance(environment)
    const { items } = await call(instance, '/cleanups?limit=1')
    const [cleanup] = items as Answer[]
    if (cleanup!.scope.keys[0] !== wanted.scope.keys[0]) continue // killed before it was asked for
    const settled = await followToEnd(instance, `/cleanups/${cleanup!.id}`)
    t.match(
      settled,
      { status: 'completed', counts: { removed: share, left: 0 } },
      `kill ${i}: it went on to its end`,
    )
    const gone = await inSource(source)
    t.equal(settled.counts.tables['chat.messages'], messagesOf(all, wanted.scope.keys), 'and counted right')
    t.notOk(wanted.scope.keys.some((key) => gone.has(key)))
  }
  const locks = await sql(
    source,
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  )
  t.same(locks, [], 'no transaction is left open')
  t.match(await call(instance, '/audit/verification'), { ok: true })
})

function messagesOf(all: Map<string, string>, keys: string[]): number {
  return keys.reduce((sum, key) => sum + (JSON.parse(all.get(key)!) as [string, number])[1], 0)
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
