import { getEventListeners, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { streamEvents, type Progress } from '../../src/platform/events.ts'
import { testApp } from '../support/app.ts'

/** Something whose state the test sets. */
interface Thing {
  now: Progress | null
  looks: number
  heartbeatMs: number
  /** Resolves when the service has noticed that a reader left, or is done with one. */
  closed: Promise<unknown>[]
}
const things = new Map<string, Thing>()

/** Every answer there was, for as long as something holds it. */
const answers: WeakRef<object>[] = []

async function routes(app: FastifyInstance) {
  app.get('/api/things/:id/events', { config: { permission: 'public' } }, (request, reply) => {
    const { id } = request.params as { id: string }
    const thing = things.get(id)!
    answers.push(new WeakRef(reply.raw))
    thing.closed.push(once(reply.raw, 'close'))
    const look = async () => {
      thing.looks += 1
      return thing.now
    }
    return streamEvents(request, reply, { topic: `thing:${id}`, look, heartbeatMs: thing.heartbeatMs })
  })
}

const shared = await testApp(t, { routes })
await shared.listen({ port: 0 })

function newThing({ app = shared, heartbeatMs = 15_000 } = {}) {
  const id = `${things.size}`
  const thing: Thing = { now: { state: { n: 0 }, done: false }, looks: 0, heartbeatMs, closed: [] }
  things.set(id, thing)
  const set = async (now: Progress | null) => {
    thing.now = now
    await app.signals.send(app.orm.em.fork(), `thing:${id}`)
  }
  return { thing, set, path: `/api/things/${id}/events`, open: () => open(app, `/api/things/${id}/events`) }
}

async function open(app: FastifyInstance, path: string) {
  const { port } = app.server.address() as AddressInfo
  const gone = new AbortController()
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: gone.signal })
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
  const { set, open } = newThing()
  const { response, until } = await open()
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
  const { set, open } = newThing()
  const { until } = await open()
  await until(/\n\n/)
  await set(null)
  t.match(await until(/never/), /event: done\nid: \S+\ndata: null\n\n$/)
})

t.test('many tabs see the same, in order, and many changes cost few looks', async (t) => {
  const { set, thing, open } = newThing()
  const began = performance.now()
  const tabs = await Promise.all(Array.from({ length: 40 }, () => open()))
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
  // Ten a second and one at either end; timers may come a little early.
  const most = tabs.length * ((performance.now() - began) / 95 + 2)
  t.ok(thing.looks <= most, `${thing.looks} looks, at most ${most}`)
})

t.test('without signals it shows that it lives, and looks again', async (t) => {
  const { thing, open } = newThing({ heartbeatMs: 20 })
  const { until } = await open()
  await until(/: still here\n\n/)
  thing.now = { state: { n: 5 }, done: true }
  t.match(await until(/never/), /event: done/)
})

t.test('a reader that left costs nothing any more', async (t) => {
  const { set, thing, open } = newThing({ heartbeatMs: 20 })
  const { until, leave } = await open()
  await until(/still here/)
  leave()
  await Promise.all(thing.closed)
  const before = thing.looks
  await set({ state: { n: 1 }, done: false })
  // While somebody else is shown three times that the stream lives, this one would have been looked for as well.
  const other = newThing({ heartbeatMs: 20 })
  const tab = await other.open()
  await tab.until(/(still here[^]*){3}/)
  t.equal(thing.looks, before)
  await other.set({ state: { n: 1 }, done: true })
  await tab.until(/never/)
})

t.test('neither a reader that left nor one that stayed is held in memory', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const before = answers.length
  const listening = () => getEventListeners(shared.closing, 'abort').length
  const listened = listening()
  for (const stays of [true, false]) {
    const { set, thing, open } = newThing()
    const tabs = await Promise.all(Array.from({ length: 20 }, () => open()))
    await Promise.all(tabs.map(({ until }) => until(/"n":0/)))
    if (stays) await set({ state: { n: 1 }, done: true })
    for (const { until, leave } of tabs) await (stays ? until(/never/) : leave())
    await Promise.all(thing.closed)
  }
  t.equal(answers.length - before, 40)
  const held = () => answers.slice(before).filter((answer) => answer.deref() !== undefined).length
  // Nothing tells when the last is let go of: timers and sockets end in their own time, and garbage is collected when asked.
  for (let looks = 0; held() > 0 && looks < 100; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collectGarbage()
  }
  t.equal(held(), 0)
  t.equal(listening(), listened)
})

t.test('a shutdown ends the streams, without done', async (t) => {
  const app = await testApp(t, { routes })
  await app.listen({ port: 0 })
  const { open } = newThing({ app })
  const { until } = await open()
  await until(/\n\n/)
  await app.close()
  t.notMatch(await until(/never/), /event: done/)
})

t.test('HEAD opens no stream', async (t) => {
  const { thing, path } = newThing()
  const head = await shared.inject({ method: 'HEAD', url: path })
  t.equal(head.statusCode, 200)
  t.equal(thing.looks, 0)
})
