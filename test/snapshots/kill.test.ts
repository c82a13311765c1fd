import { watch } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { instanceToken, killInstance, startInstance, type Instance } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'
import { readStore } from './read-store.ts'

const headers = { authorization: `Bearer ${instanceToken}` }

/** A moment to die at: as soon as the store's folder shows such a change. */
const moments: [string, RegExp][] = [
  ['the first bytes are stored', /./],
  ['the artifact is there', /\.json\.zst$/],
  ['its manifest is there', /\.manifest\.json$/],
]

t.test('killed at any moment, a snapshot completes later or fails, and none is torn', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const database = await testDatabase(t, await migratedTemplate())
  const environment = {
    HOLDFAST_HOME: folder,
    DATABASE_URL: database,
    HOLDFAST_SOURCE_APP_URL: await testDatabase(t, await sampleTemplate()),
    HOLDFAST_DATASETS: fileURLToPath(new URL('../../examples', import.meta.url)),
  }
  let instance = await startInstance(environment)
  t.teardown(() => killInstance(instance))
  const store = join(folder, 'store')

  for (const [moment, sign] of moments) {
    const seen = change(store, sign)
    await take(instance)
    await seen
    await killInstance(instance)
    await nothingIsTorn(t, database, store, `killed when ${moment}`)
    instance = await startInstance(environment)
  }

  const ids = (await sql(database, 'SELECT id FROM snapshots')).map(({ id }) => id as string)
  t.equal(ids.length, moments.length)
  for (const id of ids) t.match(await settled(instance, id), /"status":"(completed|failed)"/)
  const rows = await sql(database, 'SELECT id, status, error, store_due FROM snapshots ORDER BY id')
  t.ok(
    rows.every(({ status }) => status === 'completed'),
    'each is completed in the end',
  )
  await nothingIsTorn(t, database, store, 'after all')
  const artifacts = await readStore(openStore(`file:${store}`))
  t.same(artifacts.map(({ manifest }) => manifest?.id).sort(), ids.toSorted(), 'nothing is left over')
})

/** Resolves at the first change in a folder, at any depth, of a file of such a name. */
function change(folder: string, name: RegExp): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, { recursive: true }, (_event, file) => {
      if (file === null || !name.test(file)) return
      watcher.close()
      resolve()
    })
  })
}

async function take({ url }: Instance): Promise<void> {
  const answer = await fetch(`${url}/api/snapshots`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ dataset: 'chat' }),
  })
  if (answer.status !== 202) throw new Error(await answer.text())
}

/** The last event of a snapshot. */
async function settled({ url }: Instance, id: string): Promise<string> {
  const answer = await fetch(`${url}/api/snapshots/${id}/events`, { headers })
  return (await answer.text()).split('event: done').at(-1)!
}

/** Whatever is listed as completed hashes to what is recorded, and so does whatever has a manifest. */
async function nothingIsTorn(t: Test, database: string, store: string, when: string): Promise<void> {
  const artifacts = await readStore(openStore(`file:${store}`))
  for (const { key, sha256, bytes, manifest } of artifacts)
    if (manifest !== null) t.match(manifest, { key, sha256, bytes }, `${when}: what has a manifest is whole`)
  const completed = await sql(database, `SELECT key, sha256 FROM snapshots WHERE status = 'completed'`)
  for (const { key, sha256 } of completed)
    t.match(
      artifacts.find((artifact) => artifact.key === key),
      { sha256, manifest: { sha256 } },
      `${when}: what is completed is whole`,
    )
}
