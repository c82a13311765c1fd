import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { streamEvents, type Progress } from '../../src/platform/events.ts'
import { testApp } from '../support/app.ts'

/** An app with `/api/things/1/events`, whose state the test sets. */
async function things(t: Test, heartbeatMs = 15_000) {
  const thing = { now: { state: { n: 0 }, done: false } as Progress | null, looks: 0 }
  const look = async () => {
    thing.looks += 1
    return thing.now
  }
  const app = await testApp(t, {
    routes: async (app) => {
      app.get('/api/things/1/events', { config: { permission: 'public' } }, (request, reply) =>
        streamEvents(request, reply, { topic: 'thing:1', look, heartbeatMs }),
      )
    },
  })
  await app.listen({ port: 0 })
  const set = async (now: Progress | null) => {
    thing.now = now
    await app.signals.send(app.orm.em.fork(), 'thing:1')
  }
  return { app, thing, set }
}

async function open(app: FastifyInstance) {
  const { port } = app.server.address() as AddressInfo
  const gone = new AbortController()
  const response = await fetch(`http://127.0.0.1:${port}/api/things/1/events`, { signal: gone.signal })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  /** Reads until the text so far matches, or to the end. */
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) {
      const { done, value } = await reader.read()
      if (done) break
      text += value
    }
    return text
  }
  return { response, until, leave: () => gone.abort() }
}

const numbers = (text: string) =>
  [...text.matchAll(/event: progress\nid: .+\ndata: \{"n":(\d+)\}/g)].map((m) => Number(m[1]))

t.test('the state at once, every change after it, then done and the end', async (t) => {
  const { app, set } = await things(t)
  const { response, until } = await open(app)
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.ok(response.headers.get('x-request-id'))
  t.match(await until(/\n\n/), /^event: progress\nid: \S+\ndata: \{"n":0\}\n\n$/)
  await set({ state: { n: 1 }, done: false })
  await until(/"n":1/)
  await set({ state: { n: 2 }, done: true })
  const text = await until(/never/)
  t.same(numbers(text), [0, 1, 2])
  t.match(text, /\n\nevent: done\nid: \S+\ndata: \{"n":2\}\n\n$/)
})

t.test('a subject that goes away ends the stream', async (t) => {
  const { app, set } = await things(t)
  const { until } = await open(app)
  await until(/\n\n/)
  await set(null)
  t.match(await until(/never/), /event: done\nid: \S+\ndata: null\n\n$/)
})

t.test('many tabs see the same, in order, and many changes cost few looks', async (t) => {
  const { app, set, thing } = await things(t)
  const tabs = await Promise.all(Array.from({ length: 40 }, () => open(app)))
  await Promise.all(tabs.map(({ until }) => until(/"n":0/)))
  for (let n = 1; n <= 200; n += 1) await set({ state: { n }, done: n === 200 })
  for (const { until } of tabs) {
    const seen = numbers(await until(/never/))
    t.equal(seen.at(-1), 200)
    t.same(
      seen,
      seen.toSorted((a, b) => a - b),
    )
  }
  t.ok(thing.looks < 40 * 60, `${thing.looks} looks`)
})

t.test('without signals it shows that it lives, and looks again', async (t) => {
  const { app, thing } = await things(t, 20)
  const { until } = await open(app)
  await until(/: still here\n\n/)
  thing.now = { state: { n: 5 }, done: true }
  t.match(await until(/never/), /event: done/)
})

t.test('a reader that left costs nothing any more', async (t) => {
  const { app, set, thing } = await things(t, 20)
  const { until, leave } = await open(app)
  await until(/still here/)
  leave()
  let before
  do {
    before = thing.looks
    await new Promise((resolve) => setTimeout(resolve, 300))
  } while (thing.looks !== before)
  await set({ state: { n: 1 }, done: false })
  t.equal(thing.looks, before)
})

t.test('a shutdown ends the streams, without done', async (t) => {
  const { app } = await things(t)
  const { until } = await open(app)
  await until(/\n\n/)
  await app.close()
  t.notMatch(await until(/never/), /event: done/)
})

t.test('HEAD opens no stream', async (t) => {
  const { app, thing } = await things(t)
  const head = await app.inject({ method: 'HEAD', url: '/api/things/1/events' })
  t.equal(head.statusCode, 200)
  t.equal(thing.looks, 0)
})
