import { createHash } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { rename } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { expireExports } from '../../src/exports/expire-exports.ts'
import { reconcileExports } from '../../src/exports/reconcile-exports.ts'
import { systemActor } from '../../src/audit/actor.ts'
import { storageProblems } from '../../src/storage/errors.ts'
import { storedKeys } from '../snapshots/read-store.ts'
import { snapshotService, token } from '../snapshots/service.ts'
import { movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { make } from './service.ts'

const wanted = { dataset: 'chat', format: 'json', scope: { month: '2026-10' } }

/** Asks over a real connection, which can break. */
async function download(app: FastifyInstance, path: string): Promise<IncomingMessage> {
  if (!app.server.listening) await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const request = get({ port, path: `/api${path}`, headers: { authorization: `Bearer ${token}` } })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  return answer
}

t.test('the life of an export', async (t: Test) => {
  const clock = movableClock()
  const service = await snapshotService(t, { clock })
  const { app, call, source } = service
  const store = app.stores.main

  /** Stands in for what the store does with bytes. */
  const whilePutting = async (put: typeof store.put, work: () => Promise<void>) => {
    const original = store.put.bind(store)
    Object.assign(store, { put })
    await work().finally(() => Object.assign(store, { put: original }))
  }
  const original = store.put.bind(store)

  t.test('failures have a code and leave nothing behind', async (t) => {
    const fails = async (code: string) => {
      const { body } = await call('POST', '/exports', wanted, { prefer: 'wait=60' })
      t.match(body, { status: 'failed', error: { code }, sha256: null })
      t.match((await call('GET', `/exports/${body.id}/content`)).body, {
        status: 409,
        code: 'EXPORT_NOT_COMPLETED',
      })
      const { body: audit } = await call('GET', `/audit?entityId=${body.id}&action=export.failed`)
      t.match(audit.items, [{ outcome: 'failed', metadata: { error: { code } } }])
    }
    const full = async () => {
      throw storageProblems.STORE_FULL('No space left on device.')
    }
    await whilePutting(full, () => fails('STORE_FULL'))
    const torn: typeof store.put = async (key, body) => {
      const bytes = await original(key, body)
      await original(key, Buffer.alloc(bytes))
      return bytes
    }
    await whilePutting(torn, () => fails('EXPORT_STORED_WRONG'))
    const withoutManifest: typeof store.put = (key, body) =>
      key.endsWith('.manifest.json') ? full() : original(key, body)
    await whilePutting(withoutManifest, () => fails('STORE_FULL'))
    await rename(service.folder, `${service.folder}-away`)
    await fails('STORE_UNREACHABLE')
    await rename(`${service.folder}-away`, service.folder)
    await reconcileExports(app)
    t.same(await storedKeys(store), [])
  })

  t.test('one that does not hold what the database counts is given up', async (t) => {
    await sql(source, 'ALTER TABLE chat.messages DISABLE TRIGGER ALL')
    await sql(
      source,
      `UPDATE chat.messages SET session_id = -1 WHERE id = (SELECT min(id) FROM chat.messages)`,
    )
    const { body } = await call(
      'POST',
      '/exports',
      { dataset: 'chat', format: 'json' },
      { prefer: 'wait=60' },
    )
    t.match(body.status, 'failed', 'a row whose session is not there is counted by nobody and written by one')
    const answer = await download(app, '/datasets/chat/content?format=csv')
    await t.rejects(buffer(answer), 'sent straight, the connection breaks off')
    await sql(source, `UPDATE chat.messages SET session_id = 1 WHERE session_id = -1`)
    await sql(source, 'ALTER TABLE chat.messages ENABLE TRIGGER ALL')
  })

  t.test('cancelling one that is being made', async (t) => {
    const started = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    const slow: typeof store.put = async (key, body) => {
      started.resolve()
      await released.promise
      return original(key, body)
    }
    await whilePutting(slow, async () => {
      const { body, raw } = await call('POST', '/exports', wanted)
      t.match([raw.statusCode, raw.headers.location], [202, `/api/exports/${body.id}`])
      await started.promise
      t.match((await call('DELETE', `/exports/${body.id}`)).body, { code: 'EXPORT_UNFINISHED' })
      t.match((await call('GET', `/exports/${body.id}/content`)).body, { code: 'EXPORT_NOT_COMPLETED' })
      for (let i = 0; i < 2; i++) {
        const { body: cancelled } = await call('POST', `/exports/${body.id}/cancellation`, {})
        t.match(cancelled, { status: 'failed', error: { code: 'EXPORT_CANCELLED' } })
      }
      released.resolve()
      const { raw: events } = await call('GET', `/exports/${body.id}/events`)
      t.match(events.body, /event: done\n/)
    })
    const done = await make(service, wanted)
    t.match((await call('POST', `/exports/${done.id}/cancellation`, {})).body, { code: 'EXPORT_FINISHED' })
  })

  t.test('one whose time is over is expired, by a schedule', async (t) => {
    const kept = await make(service, { ...wanted, expiresAt: null })
    const made = await make(service, wanted)
    t.equal(Date.parse(made.expiresAt as string) - clock.at, 7 * 86_400_000)
    t.equal(await expireExports(app, { actor: systemActor }), 0)
    clock.at += 7 * 86_400_000
    t.ok(app.schedules.get('exports.expiry'))
    t.ok((await expireExports(app, { actor: systemActor })) >= 1)
    t.match((await call('GET', `/exports/${made.id}`)).body, { status: 'expired', sha256: made.sha256 })
    t.match((await call('GET', `/exports/${made.id}/content`)).body, { code: 'EXPORT_NOT_COMPLETED' })
    t.equal(await store.head(made.key), null)
    t.match((await call('GET', `/exports/${kept.id}`)).body, { status: 'completed' })
  })

  t.test('straight to the caller, without being stored', async (t) => {
    const before = await storedKeys(store)
    const answer = await download(app, '/datasets/chat/content?format=json&month=2026-10')
    const body = await buffer(answer)
    t.match(answer.headers['content-disposition'], /chat_2026-10_/)
    t.ok((JSON.parse(body.toString()) as object[]).length > 0)
    const sha256 = createHash('sha256').update(body).digest()
    t.equal(answer.trailers['repr-digest'], `sha-256=:${sha256.toString('base64')}:`)
    const { body: audit } = await call('GET', '/audit?action=export.streamed&limit=1')
    t.match(audit.items, [{ metadata: { sha256: sha256.toString('hex'), bytes: body.length } }])
    t.same(await storedKeys(store), before)

    const path = '/datasets/chat/content?format=csv&key=7&key=8&includeChildren=false'
    const two = await call('GET', path)
    t.equal(two.raw.body.trimEnd().split('\r\n').length, 3)
    t.equal((await call('HEAD', path)).status, 200)
    t.match((await call('GET', '/datasets/legacy-import/content?format=csv')).body, {
      code: 'SNAPSHOT_REQUIRED',
    })
    t.match((await call('GET', '/datasets/chat/content?format=csv&key=0')).body, { code: 'SCOPE_EMPTY' })
  })
})
