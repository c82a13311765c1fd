import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { batchService, items, type Body, type Service } from './service.ts'

const secret = 'a secret that signs calls of webhooks'

interface Call {
  at: number
  headers: IncomingMessage['headers']
  raw: string
  body: Body
}

type Respond = (call: Call, response: ServerResponse, count: number) => void

/** A receiver that keeps what it is sent, and a service that may call it. */
async function receive(t: Test, respond: Respond): Promise<Service & { calls: Call[]; url: string }> {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    void text(request).then((raw) => {
      const call = { at: performance.now(), headers: request.headers, raw, body: JSON.parse(raw) as Body }
      calls.push(call)
      respond(call, response, calls.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.closeAllConnections())
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  const environment = { HOLDFAST_WEBHOOK_ALLOW: `127.0.0.1:${port}`, HOLDFAST_WEBHOOK_SECRET: secret }
  const service = await batchService(t, { environment })
  return { ...service, calls, url: `http://127.0.0.1:${port}/generate` }
}

async function run({ call }: Service, webhook: object, count: number, more: object = {}): Promise<Body> {
  const wanted = { key: 'hooked', handler: { webhook }, items: items(count), ...more }
  const { status, body } = await call('POST', '/batches', wanted)
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body
}

async function end({ call, app }: Service, id: string): Promise<Body> {
  await app.signals.waitFor(
    `batch:${id}`,
    async () => ((await call('GET', `/batches/${id}`)).body.finishedAt === null ? null : true),
    20_000,
  )
  return (await call('GET', `/batches/${id}`)).body
}

const listed = async ({ call }: Service, id: string) =>
  (await call('GET', `/batches/${id}/items?limit=200`)).body.items as Body[]

t.test('each item is sent, signed, with a key of its own, and the answer is kept', async (t) => {
  const service = await receive(t, ({ body }, response) =>
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ turns: body.item.payload.value })),
  )
  const { id } = await run(service, { url: service.url, concurrency: 2 }, 5, { title: 'Hooked' })
  t.match(await end(service, id), {
    status: 'completed',
    completed: 5,
    maxAttempts: 5,
    handler: { webhook: { concurrency: 2, perCall: 1, timeoutSeconds: 30 } },
  })
  t.equal(service.calls.length, 5)
  const { headers, raw, body } = service.calls.find(({ body }) => body.item.id === 'item 3')!
  t.match(body, {
    batch: { id, key: 'hooked', title: 'Hooked' },
    item: { id: 'item 3', payload: { value: 3 }, attempt: 1 },
  })
  t.equal(headers['idempotency-key'], `${id}/item%203`)
  t.equal(body.item.idempotencyKey, headers['idempotency-key'])
  const [, time, hash] = /^t=(\d+),v1=(\w+)$/.exec(String(headers['holdfast-signature']))!
  t.equal(hash, createHmac('sha256', secret).update(`${time}.${raw}`).digest('hex'))
  t.match((await listed(service, id))[2], { status: 'completed', result: { turns: 3 } })
})

t.test('what may pass is tried again, with the same key; what may not has failed', async (t) => {
  const seen = new Map<string, number>()
  const service = await receive(t, ({ body }, response) => {
    const { id, payload } = body.item as Body
    const attempt = (seen.get(id) ?? 0) + 1
    seen.set(id, attempt)
    if (payload.value === 1 && attempt === 1) response.writeHead(503).end('busy')
    else if (payload.value === 2) response.writeHead(422).end('no persona')
    else if (payload.value === 3 && attempt === 1)
      return // never answers
    else if (payload.value === 4 && attempt === 1) response.destroy()
    else if (payload.value === 5) response.writeHead(500).end()
    else response.end('plain words')
  })
  const { id } = await run(service, { url: service.url, timeoutSeconds: 1 }, 6, { maxAttempts: 2 })
  t.match(await end(service, id), { status: 'completed_with_failures', completed: 4, failed: 2 })
  const all = await listed(service, id)
  t.match(all[0], {
    attempts: 2,
    failures: 1,
    result: { text: 'plain words' },
    error: { code: 'HTTP_503', detail: 'busy' },
  })
  t.match(all[1], { status: 'failed', attempts: 1, error: { code: 'HTTP_422', detail: 'no persona' } })
  t.match(all[2], { status: 'completed', attempts: 2, error: { code: 'WEBHOOK_UNREACHABLE' } })
  t.match(all[3], { status: 'completed', attempts: 2 })
  t.match(all[4], { status: 'failed', attempts: 2, error: { code: 'HTTP_500' } })
  const keys = service.calls
    .filter(({ body }) => body.item.id === 'item 1')
    .map(({ headers }) => headers['idempotency-key'])
  t.same(keys, [keys[0], keys[0]])
})

t.test('the other side is left alone as long as it asks, and called no faster than said', async (t) => {
  const service = await receive(t, (_call, response, count) =>
    count === 1 ? response.writeHead(429, { 'retry-after': '1' }).end() : response.end('{}'),
  )
  const { id } = await run(service, { url: service.url, concurrency: 1, ratePerSecond: 20 }, 6)
  t.match(await end(service, id), { status: 'completed', completed: 6 })
  const [first, ...others] = service.calls.map(({ at }) => at)
  t.ok(others[0]! - first! > 950, `${others[0]! - first!} ms of rest`)
  // On its way a call may be held up, which brings it nearer to the next one, but never nearer to the first.
  const since = others.map((at) => at - first!)
  t.ok(
    since.every((ms, i) => ms > 950 + i * 45),
    since.map(Math.round).join(' '),
  )
})

t.test('several in one call: each is answered for', async (t) => {
  const service = await receive(t, ({ body }, response) => {
    const results = body.items.flatMap(({ id, payload }: Body) => {
      if (payload.value === 2) return [{ id, error: 'too long' }]
      if (payload.value === 3) return [{ id, error: { code: 'QUOTA', detail: 'used up' } }]
      return payload.value === 4 ? [] : [{ id, result: { ok: true } }]
    })
    response.end(JSON.stringify({ results }))
  })
  const { id } = await run(service, { url: service.url, perCall: 10 }, 25, { maxAttempts: 1 })
  t.match(await end(service, id), { completed: 22, failed: 3 })
  t.same(service.calls.map(({ body }) => body.items.length).sort(), [10, 10, 5])
  const all = await listed(service, id)
  t.match(all.slice(1, 4), [
    { error: { code: 'FAILED', detail: 'too long' } },
    { error: { code: 'QUOTA' } },
    { error: { code: 'NOT_ANSWERED' } },
  ])
  t.match(all[0], { result: { ok: true } })
})

t.test('when nobody answers any more, the batch is paused and no item has failed for it', async (t) => {
  const service = await receive(t, (_call, response) => void response.destroy())
  const { id } = await run(service, { url: service.url, concurrency: 8 }, 40)
  await service.app.signals.waitFor(
    `batch:${id}`,
    async () => ((await service.call('GET', `/batches/${id}`)).body.status === 'paused' ? true : null),
    20_000,
  )
  t.match((await service.call('GET', `/batches/${id}`)).body, {
    status: 'paused',
    pausedReason: /could not be reached/,
    failed: 0,
  })
})

t.test('only allowed hosts are called', async (t) => {
  const service = await receive(t, (_call, response) => response.end())
  for (const url of ['http://127.0.0.1:1/', 'http://169.254.169.254/', 'ftp://127.0.0.1', 'nonsense'])
    t.match(
      await service.call('POST', '/batches', { key: url, handler: { webhook: { url } } }),
      { status: 422, body: { code: 'WEBHOOK_NOT_ALLOWED' } },
      url,
    )
  const { body } = await service.call('POST', '/batches', {
    key: 'ours',
    handler: { webhook: { url: service.url } },
  })
  t.match(body, { status: 'waiting', total: 0 })
  const claim = await service.call('POST', `/batches/${body.id}/claims`, {
    worker: 'a',
    limit: 1,
    leaseSeconds: 5,
  })
  t.match(claim, { status: 409, body: { code: 'BATCH_NOT_FOR_WORKERS' } })
  await service.call('POST', `/batches/${body.id}/items`, { items: items(3) })
  t.match(await end(service, body.id), { status: 'completed', completed: 3 })
})
