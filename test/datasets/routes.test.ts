import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { testApp } from '../support/app.ts'
import { bearer, browse, person } from '../support/people.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { exampleSchema, folderOf, load, valid, worldOf } from './fixtures.ts'
import { parseDatasetFile } from '../../src/datasets/read-file.ts'

const rooms = `dataset: rooms
title: Rooms
records:
  table: deal_rooms.rooms
  label: title
  dates: created_at
  children: [{ table: deal_rooms.parties }]
parties: { table: parties, email: email, role: role, permissions: { list: [owner], view: [owner] } }
notify: { telegram: { botToken: '\${BOT_TOKEN}' } }
`
const chat = 'dataset: chat\nrecords:\n  table: chat.sessions\n  dates: created_at\n'
const broken = 'dataset: broken\nrecords:\n  table: chat.sesions\n  lable: x\n'

const { app, folder, viewer, operator } = await service(t)

async function service(t: Test) {
  const source = await testDatabase(t)
  await sql(
    source,
    `${exampleSchema('deal-rooms')} ${exampleSchema('chat')}
    INSERT INTO deal_rooms.rooms (id, title, location, cargo, quantity_tonnes, laycan, created_by, created_at)
      SELECT 'r' || n, 'Room ' || n, 'x', 'x', 1, '[2026-01-01,2026-02-01)', 'x', timestamptz '2026-01-01' + n * interval '1 day' FROM generate_series(1, 60) n;
    INSERT INTO deal_rooms.parties VALUES ('r7', 'olga@example.com', 'Olga', NULL, 'owner'), ('r8', 'olga@example.com', 'Olga', NULL, 'buyer'); ANALYZE`,
  )
  const folder = await folderOf(t, { 'rooms.yaml': rooms, 'chat.yaml': chat, 'broken.yaml': broken })
  const app = await testApp(t, {
    environment: { HOLDFAST_SOURCE_APP_URL: source, HOLDFAST_DATASETS: folder, BOT_TOKEN: 'canary-token' },
  })
  return { app, folder, source, viewer: await bearer(app, 'viewer'), operator: await bearer(app, 'operator') }
}

async function get(app: FastifyInstance, url: string, headers: Record<string, string>) {
  const answer = await app.inject({ url, headers })
  return { status: answer.statusCode, body: answer.json() }
}

t.test('datasets over HTTP', async (t) => {
  const list = await get(app, '/api/datasets', viewer)
  t.match(list, {
    status: 200,
    body: {
      items: [
        { name: 'broken', valid: false, problems: [{ file: 'broken.yaml', line: 4, path: 'records.lable' }] },
        { name: 'chat', valid: true, problems: [], freshness: null },
        { name: 'rooms', title: 'Rooms' },
      ],
      nextCursor: null,
    },
  })
  const one = await get(app, '/api/datasets/rooms', viewer)
  t.match(one, {
    status: 200,
    body: {
      source: 'app',
      timezone: 'UTC',
      definition: { dataset: 'rooms', records: { label: 'title' } },
      tables: [
        { name: 'deal_rooms.rooms', path: 'records', key: ['id'] },
        { path: 'parties', key: ['email'], columns: ['email', 'name', 'company', 'role'] },
      ],
      counts: { 'deal_rooms.rooms': 60, 'deal_rooms.parties': 2 },
    },
  })
  t.notMatch(JSON.stringify(one.body), 'canary-token')
  t.match(await get(app, '/api/datasets/broken', viewer), {
    status: 200,
    body: { valid: false, definition: null, counts: null, tables: [] },
  })
  t.match(await get(app, '/api/datasets/none', viewer), { status: 404, body: { code: 'DATASET_UNKNOWN' } })
  t.match(await get(app, '/api/datasets/..%2f..%2fetc', viewer), { status: 404 })

  const records = await get(app, '/api/datasets/rooms/records?limit=2&from=2026-01-10&to=2026-02-01', viewer)
  t.match(records.body, {
    items: [{ key: 'r30', label: 'Room 30', children: { parties: 0 }, protected: false }, { key: 'r29' }],
    estimatedTotal: 22,
  })
  const more = await get(
    app,
    `/api/datasets/rooms/records?limit=200&from=2026-01-10&to=2026-02-01&cursor=${records.body.nextCursor}`,
    viewer,
  )
  t.match(more.body.items.length, 20)
  t.match(await get(app, '/api/datasets/rooms/records?q=Room%206', viewer), {
    body: { items: [{ key: 'r60' }, { key: 'r6' }], nextCursor: null, estimatedTotal: 2 },
  })
  t.match(await get(app, '/api/datasets/rooms/records?month=2026-13', viewer), {
    status: 400,
    body: { code: 'SCOPE_INVALID', errors: [{ pointer: '/querystring/month' }] },
  })
  t.match(await get(app, '/api/datasets/rooms/records?limit=0', viewer), { status: 400 })
  t.match(await get(app, '/api/datasets/rooms/records?cursor=x', viewer), {
    status: 400,
    body: { code: 'CURSOR_INVALID' },
  })
  t.match(await get(app, '/api/datasets/rooms/records?sql=x', viewer), {
    status: 400,
    body: { code: 'VALIDATION_FAILED' },
  })
  t.match(await get(app, '/api/datasets/broken/records', viewer), {
    status: 409,
    body: { code: 'DATASET_INVALID', errors: [{ pointer: 'broken.yaml:4', detail: /lable/ }] },
  })

  const propose = (payload: object, headers = operator) =>
    app.inject({ method: 'POST', url: '/api/datasets/proposals', headers, payload })
  const drafted = (await propose({ table: 'chat.sessions' })).json()
  t.match(drafted, { dataset: 'sessions', fileName: 'sessions.yaml' })
  const { catalog } = await worldOf(t, exampleSchema('chat'))
  t.ok(valid(load(drafted.yaml, catalog)))
  t.match((await propose({ table: 'chat.nothing' })).json(), { status: 422, code: 'TABLE_NOT_PROPOSABLE' })
  t.match((await propose({ table: 'chat.sessions', source: 'other' })).json(), {
    status: 404,
    code: 'SOURCE_UNKNOWN',
  })
  t.match((await propose({ table: 'chat.sessions' }, viewer)).json(), { status: 403, code: 'FORBIDDEN' })
  t.match((await app.inject('/api/datasets')).statusCode, 401)

  const schema = await app.inject('/schemas/dataset.json')
  t.equal(schema.headers['content-type'], 'application/schema+json; charset=utf-8')
  t.match(schema.json(), { $schema: /2020-12/, properties: { records: { $ref: '#/$defs/Records' } } })
})

t.test('a member finds the records that name them in a role that may list', async (t) => {
  await person(app, 'olga', 'member')
  const olga = await browse(app, 'olga')
  t.match(
    (await get(app, '/api/datasets', olga)).body.items.map(({ name }: { name: string }) => name),
    ['rooms'],
  )
  t.match(
    (await get(app, '/api/datasets/rooms/records', olga)).body.items.map(({ key }: { key: string }) => key),
    ['r7'],
  )
  t.match((await get(app, '/api/datasets/chat/records', olga)).body.items ?? [], [])
  t.equal((await get(app, '/api/datasets/rooms', olga)).status, 403)
})

t.test('changes of files are seen without a restart, one bad file never stops the others', async (t) => {
  const until = async (
    name: string,
    is: (body: { valid?: boolean; title?: string; status?: number }) => boolean,
  ) => {
    for (;;) {
      const { body } = await get(app, `/api/datasets/${name}`, viewer)
      if (is(body)) return body
    }
  }
  await writeFile(join(folder, 'broken.yaml'), 'dataset: broken\nrecords: { table: chat.sessions }\n')
  t.match(await until('broken', ({ valid }) => valid === true), { problems: [] })
  await writeFile(join(folder, 'chat.yaml'), `${chat}title: [`)
  await until('chat', ({ valid }) => valid === false)
  t.match(await get(app, '/api/datasets/rooms', viewer), { body: { valid: true } })
  await rm(join(folder, 'chat.yaml'))
  await until('chat', ({ status }) => status === 404)
  t.equal(parseDatasetFile('x', chat, {}).problems.length, 0)
})
