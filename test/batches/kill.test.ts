import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as rest } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { call, instanceToken, killInstance, startInstance, type Instance } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'

const script = fileURLToPath(new URL('../../examples/conversations/worker.mjs', import.meta.url))

/** Any seed: the moments of the kills follow from it. */
let seed = 20_261_120
const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647

const topics = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: `c${i + 1}`,
    payload: { persona: 'Ada', topic: `topic ${i + 1}` },
  }))

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-batch-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function environmentOf(t: Test, more: Record<string, string> = {}) {
  return {
    HOLDFAST_HOME: await folder(t),
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: await testDatabase(t),
    HOLDFAST_DATASETS: await folder(t),
    HOLDFAST_RATE_LIMIT: '0',
    ...more,
  }
}

t.jobs = 2

/** It was also proven with 10,000 and 132 kills; that takes a minute. */
const count = 2000

t.test('workers killed at random: each effect once, no progress lost', { buffered: true }, async (t) => {
  const out = await folder(t)
  const environment = await environmentOf(t)
  const instance = await startInstance(environment)
  t.teardown(() => killInstance(instance))
  const { id } = await call(instance, '/batches', { key: 'killed', items: topics(count) })
  const start = () =>
    spawn(process.execPath, [script], {
      env: {
        HOLDFAST_URL: instance.url,
        HOLDFAST_TOKEN: instanceToken,
        BATCH: id,
        OUT: out,
        CHUNK: '100',
        EVERY: '20',
        LEASE_SECONDS: '1',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  const workers: ChildProcess[] = [start(), start(), start()]
  t.teardown(() => workers.forEach((worker) => worker.kill('SIGKILL')))
  let kills = 0
  let most = 0
  for (;;) {
    await rest(300 + random() * 500)
    const { completed, failed, finishedAt } = await call(instance, `/batches/${id}`)
    t.ok(completed >= most && failed === 0, 'never back')
    most = completed
    if (finishedAt !== null) break
    const i = Math.floor(random() * workers.length)
    workers[i]!.kill('SIGKILL')
    kills += 1
    workers[i] = start()
  }
  await Promise.all(
    workers.map((worker) => worker.exitCode === null && worker.signalCode === null && once(worker, 'exit')),
  )
  t.match(await call(instance, `/batches/${id}`), {
    status: 'completed',
    total: count,
    completed: count,
    pending: 0,
  })
  const files = (await readdir(out)).filter((name) => name.endsWith('.json'))
  t.same(new Set(files).size, count, 'each conversation is there once')
  const runs = (await readFile(join(out, 'generated.log'), 'utf8')).trim().split('\n')
  t.equal(new Set(runs).size, count)
  t.ok(kills >= 3, `${kills} kills`)
  t.ok(
    runs.length - count <= 21 * kills,
    `${runs.length - count} repeated: at most what each killed worker had not reported`,
  )
  t.comment(`${kills} kills, ${runs.length - count} items generated again`)
  const [counted] = await sql(
    environment.DATABASE_URL,
    `SELECT count(*)::int AS n FROM batch_items WHERE state = 'completed'`,
  )
  t.equal(counted!.n, count)
})

t.test(
  'when the service is killed, its own work goes on elsewhere within 15 s',
  { buffered: true },
  async (t) => {
    const keys = new Map<string, number>()
    let latest = 0
    const receiver = createServer((request, response) => {
      void text(request).then(async () => {
        const key = String(request.headers['idempotency-key'])
        keys.set(key, (keys.get(key) ?? 0) + 1)
        latest = performance.now()
        await rest(5)
        response.end('{"turns":2}')
      })
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    t.teardown(() => (receiver.closeAllConnections(), receiver.close()))
    const { port } = receiver.address() as AddressInfo
    const environment = await environmentOf(t, { HOLDFAST_WEBHOOK_ALLOW: `127.0.0.1:${port}` })
    const instances = await Promise.all(
      [environment, { ...environment, HOLDFAST_HOME: await folder(t) }].map(startInstance),
    )
    t.teardown(() => Promise.all(instances.map(killInstance)))
    const handler = { webhook: { url: `http://127.0.0.1:${port}/`, concurrency: 4, ratePerSecond: 200 } }
    const { id } = await call(instances[0]!, '/batches', { key: 'k', handler, items: topics(400) })
    while (keys.size < 50) await rest(10)
    const { items } = await call(instances[0]!, `/batches/${id}/items?status=leased&limit=1`)
    const isAtWork = ({ process }: Instance) => items[0].worker.includes(`process ${process.pid} `)
    const [doomed, other] = isAtWork(instances[0]!) ? instances : instances.toReversed()
    if (doomed === undefined || other === undefined) throw new Error('two were started')
    await killInstance(doomed)
    const died = performance.now()
    const { completed } = await call(other, `/batches/${id}`)
    t.ok(completed > 0, `${completed} were done`)
    await rest(100)
    const stopped = latest
    while (latest === stopped && performance.now() - died < 20_000) await rest(20)
    t.ok(latest - died < 15_000, `taken up again after ${Math.round(latest - died)} ms`)
    let state = await call(other, `/batches/${id}`)
    for (; state.finishedAt === null; state = await call(other, `/batches/${id}`)) {
      t.equal(state.status, 'running')
      await rest(200)
    }
    t.match(state, { status: 'completed', completed: 400, failed: 0 })
    t.equal(keys.size, 400, 'each item was sent')
    const repeated = [...keys.values()].filter((times) => times > 1).length
    t.ok(repeated <= 8, `${repeated} were sent again: those under way, with the same key`)
  },
)
