import { rename } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { generateSnapshot } from '../../src/snapshots/generate-snapshot.ts'
import { reconcileSnapshots } from '../../src/snapshots/reconcile-snapshots.ts'
import { storageProblems } from '../../src/storage/errors.ts'
import type { Store } from '../../src/storage/store.ts'
import { sql } from '../support/postgres.ts'
import { readStore, storedKeys } from './read-store.ts'
import { snapshotService, take, type Service } from './service.ts'

const scope = { month: '2026-10' }
const run = { signal: new AbortController().signal, attempt: 0 }

t.test('failures end a snapshot with a clear code and leave nothing behind', async (t) => {
  const service = await snapshotService(t)
  const { app, call, source } = service
  const store = app.stores.main
  const older = await take(service, { dataset: 'chat', scope })

  const fails = async (t: Test, code: string | RegExp) => {
    const answer = await call('POST', '/snapshots', { dataset: 'chat', scope }, { prefer: 'wait=60' })
    t.match(answer, { status: 201, body: { status: 'failed', error: { code, detail: /./ }, sha256: null } })
    const { body } = await call('GET', `/audit?entityId=${answer.body.id}&action=snapshot.failed`)
    t.match(body.items, [{ outcome: 'failed', metadata: { error: { code } } }])
    return answer.body
  }
  const olderIsGood = async (t: Test) => {
    await reconcileSnapshots(app)
    t.strictSame(await storedKeys(store), [older.key, `${older.key}.manifest.json`], 'nothing is left over')
    t.match((await call('POST', `/snapshots/${older.id}/verifications`)).body, { ok: true })
  }

  t.test('a full disk', async (t) => {
    const put = intercept(t, store, async () => {
      throw storageProblems.STORE_FULL('No space left on device.')
    })
    await fails(t, 'STORE_FULL')
    put.restore()
    await olderIsGood(t)
  })

  t.test('a full disk when the manifest is written', async (t) => {
    const put = intercept(t, store, async (original, key, body) => {
      if (key.endsWith('.manifest.json')) throw storageProblems.STORE_FULL('No space left on device.')
      return original(key, body)
    })
    await fails(t, 'STORE_FULL')
    put.restore()
    await olderIsGood(t)
  })

  t.test('a store that keeps other bytes than it was given', async (t) => {
    const put = intercept(t, store, async (original, key, body) => {
      const stored = await original(key, body)
      if (key.endsWith('.zst')) await original(key, Buffer.alloc(stored))
      return stored
    })
    await fails(t, 'BACKUP_FAILED')
    put.restore()
    await olderIsGood(t)
  })

  t.test('a store that is lost', async (t) => {
    await rename(service.folder, `${service.folder}-away`)
    await fails(t, 'STORE_UNREACHABLE')
    await rename(`${service.folder}-away`, service.folder)
    await olderIsGood(t)
  })

  t.test('a source whose table is gone', async (t) => {
    await sql(source, 'ALTER TABLE chat.messages RENAME TO gone')
    await fails(t, /^(SOURCE_CHANGED|DATASET_INVALID)$/) // the second once that was noticed
    await sql(source, 'ALTER TABLE chat.gone RENAME TO messages')
    await app.datasets.reload()
    await olderIsGood(t)
  })

  t.test('a source that goes away', async (t) => {
    const put = intercept(t, store, async (original, key, body) => {
      await sql(
        source,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      return original(key, body)
    })
    await fails(t, 'SOURCE_UNREACHABLE')
    put.restore()
    await olderIsGood(t)
  })

  t.test('an error that nobody expected says nothing of its particulars', async (t) => {
    const put = intercept(t, store, async () => {
      throw new Error('secret')
    })
    const { error } = await fails(t, 'INTERNAL')
    t.notMatch(error, { detail: /secret/ })
    put.restore()
    await olderIsGood(t)
  })
})

t.test('interruptions', async (t) => {
  const service = await snapshotService(t)
  const { app, call } = service
  const store = app.stores.main

  t.test('a second run of the same job touches nothing that is completed', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    const before = await store.head(key)
    await generateSnapshot(app, id, run)
    t.same(await store.head(key), before)
    t.match((await call('GET', `/snapshots/${id}`)).body, { status: 'completed', attempts: 1 })
  })

  t.test('after a crash it starts over under another key and clears up', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    await putBack(app, id)
    await generateSnapshot(app, id, run)
    const { body } = await call('GET', `/snapshots/${id}`)
    t.match(body, { status: 'completed', attempts: 2, key: key.replace('.json.zst', '.2.json.zst') })
    t.equal(await store.head(key), null)
    t.equal(await store.head(`${key}.manifest.json`), null)
    await isGood(t, service, id)
  })

  t.test('one that was interrupted five times is given up', async (t) => {
    const { id, key } = await take(service, { dataset: 'chat', scope })
    await putBack(app, id, 5)
    await generateSnapshot(app, id, run)
    t.match((await call('GET', `/snapshots/${id}`)).body, {
      status: 'failed',
      error: { code: 'SNAPSHOT_INTERRUPTED' },
    })
    t.equal(await store.head(key), null)
  })

  t.test('a shutdown puts it back into the queue', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    await putBack(app, id)
    const stopping = new AbortController()
    const put = intercept(t, store, async (original, key, body) => {
      stopping.abort(new Error('stopping'))
      return original(key, body)
    })
    await t.rejects(generateSnapshot(app, id, { signal: stopping.signal, attempt: 1 }))
    put.restore()
    t.match((await call('GET', `/snapshots/${id}`)).body, { status: 'queued', attempts: 2 })
    await generateSnapshot(app, id, run)
    t.match((await call('GET', `/snapshots/${id}`)).body, { status: 'completed', attempts: 3 })
    await isGood(t, service, id)
  })

  t.test('an attempt that wakes up after another took over commits nothing', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    await putBack(app, id)
    let other: Promise<void> | undefined
    const put = intercept(t, store, async (original, key, body) => {
      const stored = await original(key, body)
      if (key.endsWith('.2.json.zst')) await (other = generateSnapshot(app, id, run))
      return stored
    })
    await generateSnapshot(app, id, run)
    put.restore()
    await other
    t.match((await call('GET', `/snapshots/${id}`)).body, {
      status: 'completed',
      attempts: 3,
      key: /\.3\.json\.zst$/,
    })
    const keys = (await storedKeys(store)).filter((key) => key.includes(id))
    t.same(keys.length, 2, 'one artifact and its manifest')
    await isGood(t, service, id)
  })

  t.test('a cancellation stops it, and what it stored goes', async (t) => {
    const { id } = await take(service, { dataset: 'chat', scope })
    await putBack(app, id)
    const put = intercept(t, store, async (original, key, body) => {
      const stored = await original(key, body)
      if (key.endsWith('.zst')) await call('POST', `/snapshots/${id}/cancellation`)
      return stored
    })
    await generateSnapshot(app, id, run)
    put.restore()
    t.match((await call('GET', `/snapshots/${id}`)).body, {
      status: 'failed',
      error: { code: 'SNAPSHOT_CANCELLED' },
    })
    t.notOk((await storedKeys(store)).some((key) => key.includes(id)))
  })
})

t.test('what nobody works on is taken up at the start', async (t) => {
  const service = await snapshotService(t)
  const { id } = await take(service, { dataset: 'chat', scope })
  await putBack(service.app, id)
  const replica = await service.replica()
  const done = await replica.signals.waitFor(`snapshot:${id}`, async () => completed(service, id), 30_000)
  t.match(done, { status: 'completed', attempts: 2 })
  await isGood(t, service, id)
})

async function completed({ call }: Service, id: string) {
  const { body } = await call('GET', `/snapshots/${id}`)
  return body.status === 'completed' ? body : null
}

/** As a crash leaves it while it is generating: stored, even with a manifest, but never committed. */
async function putBack(app: FastifyInstance, id: string, attempts = 1): Promise<void> {
  await app.orm.em.fork().execute(
    `UPDATE snapshots SET status = 'generating', attempts = ?, taken_at = NULL, sha256 = NULL, bytes = NULL,
              stored_bytes = NULL, frames_sha256 = NULL, finished_at = NULL WHERE id = ?`,
    [attempts, id],
  )
}

async function isGood(t: Test, { app, call }: Service, id: string): Promise<void> {
  const { body } = await call('GET', `/snapshots/${id}`)
  const found = (await readStore(app.stores.main)).filter(({ key }) => key.includes(id))
  t.match(found, [
    { key: body.key, sha256: body.sha256, bytes: body.bytes, manifest: { id, sha256: body.sha256 } },
  ])
}

type Put = Store['put']

/** Puts something between the service and its store until it is restored. */
function intercept(t: Test, store: Store, put: (original: Put, ...args: Parameters<Put>) => Promise<number>) {
  const original = store.put.bind(store)
  store.put = (...args) => put(original, ...args)
  const restore = () => void Reflect.deleteProperty(store, 'put')
  t.teardown(restore)
  return { restore }
}
