import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { storedKeys } from '../snapshots/read-store.ts'
import { instanceToken, killInstance, startInstance } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'

const headers = { authorization: `Bearer ${instanceToken}`, 'content-type': 'application/json' }

t.test('killed while it writes, an export completes later and nothing is left over', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-export-'))
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
  const seen = new Promise<void>((resolve) => {
    const watcher = watch(store, { recursive: true }, (_event, file) => {
      if (file === null) return
      watcher.close()
      resolve()
    })
  })
  const body = JSON.stringify({ dataset: 'chat', format: 'pdf' })
  const answer = await fetch(`${instance.url}/api/exports`, { method: 'POST', headers, body })
  t.equal(answer.status, 202)
  await seen
  await killInstance(instance)
  instance = await startInstance(environment)
  const ids = (await sql(database, 'SELECT id FROM exports')).map(({ id }) => id as string)
  for (const id of ids) await (await fetch(`${instance.url}/api/exports/${id}/events`, { headers })).text()
  const rows = await sql(database, 'SELECT key, status, sha256 FROM exports ORDER BY key')
  const stored = openStore(`file:${store}`)
  for (const { key, status, sha256 } of rows) {
    t.equal(status, 'completed')
    const bytes = await buffer(await stored.get(key as string))
    t.equal(createHash('sha256').update(bytes).digest('hex'), sha256)
  }
  const keys = rows.flatMap(({ key }) => [key as string, `${key as string}.manifest.json`])
  t.same(await storedKeys(stored), keys.toSorted(), 'nothing is left over')
})
