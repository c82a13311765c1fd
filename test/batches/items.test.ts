import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { readItems } from '../../src/batches/read-items.ts'
import { batchService, items, token, type Body } from './service.ts'

const { call, app, sql } = await batchService(t)
await app.listen({ port: 0 })
const { port } = app.server.address() as AddressInfo

const id = (await call('POST', '/batches', { key: 'streamed' })).body.id as string
const lines = (...some: unknown[]) => some.map((item) => `${JSON.stringify(item)}\n`).join('')
const ndjson = { 'content-type': 'application/x-ndjson' }
const json = { 'content-type': 'application/json' }
const add = (body: string, headers: Record<string, string> = ndjson) =>
  call('POST', `/batches/${id}/items`, body, headers)
const total = async () => (await call('GET', `/batches/${id}`)).body.total as number

t.test('items come as lines or as JSON; those that are there already stay as they are', async (t) => {
  t.match(await add(lines(...items(3))), {
    status: 200,
    body: { received: 3, added: 3, existing: 0, batch: { total: 3 } },
  })
  const repeated = lines({ id: 'item 2', payload: { value: 'other' } }, ...items(2, 4), ...items(1, 5))
  t.match((await add(`\n${repeated}  \r\n`)).body, { received: 4, added: 2, existing: 2 })
  t.match((await add(JSON.stringify({ items: items(3, 5) }), json)).body, {
    received: 3,
    added: 2,
    existing: 1,
    batch: { total: 7 },
  })
  t.match((await add('{"items":[]}', json)).body, { received: 0, added: 0 })
  const all = (await call('GET', `/batches/${id}/items`)).body.items as Body[]
  t.same(
    all.map(({ payload }) => payload.value),
    [1, 2, 3, 4, 5, 6, 7],
  )
  t.match(
    await call('POST', '/batches/0199b0a0-0000-7000-8000-000000000000/items', lines({ id: 'a' }), ndjson),
    { status: 404 },
  )
})

t.test('of a request with anything wrong nothing is added, and the place is named', async (t) => {
  const before = await total()
  const many = lines(...items(2500, 100))
  const wrong: [body: string, pointer: string | null, headers?: Record<string, string>][] = [
    [`${many}{"id": "x"\n`, 'line:2501'],
    [`${lines({ id: 'x' })}\n${lines({ id: '' })}`, 'line:3/id'],
    [lines({ id: 7 }), 'line:1/id'],
    [lines({ id: 'x', payload: [] }), 'line:1/payload'],
    [lines({ id: 'x', load: {} }), 'line:1/load'],
    [lines([]), 'line:1'],
    ['{"id":"x","payload":{"a":"\\u0000"}}', 'line:1/payload/a'],
    [`{"id":"x","payload":${'['.repeat(100)}}`, 'line:1'],
    [lines({ id: 'x', payload: { a: 'x'.repeat(300_000) } }), 'line:1'],
    [JSON.stringify({ items: [{ id: 'x' }, { id: 'y', a: 1 }] }), '/items/1/a', json],
    ['{"items":[{"id":"x"},]}', '/items/1', json],
    ['{"items":[{"id":"x"} {"id":"y"}]}', '/items/0', json],
    ['{"items":[{"id":"x"}', null, json],
    ['{"items":[{"id":"x"}], "more": 1}', null, json],
    ['[{"id":"x"}]', null, json],
    [`{"items":[{"id":"${'x'.repeat(300_000)}"}]}`, '/items/0', json],
  ]
  for (const [body, pointer, headers] of wrong) {
    const { status, body: answer } = await add(body, headers)
    t.match({ status, code: answer.code }, { status: 400, code: 'ITEMS_MALFORMED' }, body.slice(-60))
    if (pointer !== null) t.equal(answer.errors?.[0].pointer, pointer)
  }
  t.equal(await total(), before)
  t.same(await sql(`SELECT id FROM batch_items WHERE id = 'item 100'`), [])
})

t.test('a body that breaks off adds nothing', async (t) => {
  const before = await total()
  const headers = { authorization: `Bearer ${token}`, ...ndjson }
  const outgoing = request({ port, method: 'POST', path: `/api/batches/${id}/items`, headers })
  const gone = new Promise((resolve) => outgoing.on('error', resolve))
  await new Promise((resolve) => outgoing.write(lines(...items(1500, 10_000)), resolve))
  outgoing.destroy()
  await gone
  const { body } = await call('GET', `/batches/${id}`)
  t.equal(body.total, before)
  t.match(await call('GET', '/batches'), { status: 200 })
})

t.test('tens of thousands arrive over the wire without being held', async (t) => {
  const count = 30_000
  const body = Readable.from(
    (function* () {
      for (let i = 0; i < count / 100; i++) yield lines(...items(100, 1_000_000 + i * 100))
    })(),
  )
  const headers = { authorization: `Bearer ${token}`, ...ndjson }
  const outgoing = request({ port, method: 'POST', path: `/api/batches/${id}/items`, headers })
  body.pipe(outgoing)
  const [response] = await once(outgoing, 'response')
  t.match(JSON.parse(await text(response)), { received: count, added: count })
})

t.test('however the bytes are cut, the items are the same', async (t) => {
  const some = [
    { id: 'ä "quoted" \\', payload: { a: '],}', b: [1, { c: '"' }] } },
    { id: '🙂', payload: {} },
    { id: 'z', payload: { d: null } },
  ]
  const texts = { ndjson: lines(...some), json: JSON.stringify({ items: some }, null, 1) }
  for (const [type, body] of Object.entries(texts)) {
    const bytes = Buffer.from(body)
    for (let size = 1; size < 40; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      t.same(await Array.fromAsync(readItems(Readable.from(chunks), type as 'ndjson')), some)
    }
  }
  await t.rejects(Array.fromAsync(readItems(Readable.from([Buffer.from([0x22, 0xff])]), 'ndjson')), {
    code: 'ITEMS_MALFORMED',
  })
})
