import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { snapshotService, type Body } from '../snapshots/service.ts'
import { make } from './service.ts'

/** Somebody whom the rooms know, signed in; answers with what came of a request. */
async function member(app: FastifyInstance, name: string) {
  await person(app, name, 'member')
  const headers = { ...(await browse(app, name)), prefer: 'wait=60' }
  return async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> => {
    const raw = await app.inject({ method, url: `/api${path}`, headers, ...(body && { payload: body }) })
    const isProblem = /problem/.test(String(raw.headers['content-type']))
    return isProblem ? (raw.json() as Body).code : raw.statusCode
  }
}

t.test(
  'members reach the exports of the rooms that name them, as far as their role there goes',
  async (t: Test) => {
    const service = await snapshotService(t)
    const { app, source, call } = service
    const found = await sql(source, 'SELECT id FROM deal_rooms.rooms ORDER BY id LIMIT 2')
    const rooms = found.map(({ id }) => id as string)
    for (const role of ['owner', 'buyer', 'admin'])
      await sql(
        source,
        `INSERT INTO deal_rooms.parties (room_id, email, name, role) VALUES ($1, $2, '', $3)`,
        [...[rooms[0], `${role}@example.com`, role]],
      )
    const of = (...keys: string[]) => ({ dataset: 'deal-rooms', format: 'json', scope: { keys } })
    const own = await make(service, of(rooms[0]!))
    const foreign = await make(service, of(rooms[1]!))
    const both = await make(service, of(...rooms))
    const chat = await make(service, { dataset: 'chat', format: 'json', scope: { keys: ['1'] } })

    const owner = await member(app, 'owner')
    const buyer = await member(app, 'buyer')
    const stranger = await member(app, 'stranger')
    const admin = await member(app, 'admin')
    const direct = `/datasets/deal-rooms/content?format=pdf&key=${rooms[0]}`

    t.equal(await owner('POST', '/exports', { ...of(rooms[0]!), format: 'pdf' }), 201)
    t.equal(await owner('POST', '/exports', of(rooms[1]!)), 'NOT_A_PARTY')
    t.equal(await owner('POST', '/exports', { dataset: 'deal-rooms', format: 'json' }), 'FORBIDDEN')
    t.equal(await owner('POST', '/exports', { ...of(rooms[0]!), skipSnapshotCheck: true }), 'FORBIDDEN')
    t.equal(await buyer('POST', '/exports', of(rooms[0]!)), 'FORBIDDEN')
    t.equal(await owner('GET', direct), 200)
    t.equal(await buyer('GET', direct), 'FORBIDDEN')
    t.equal(await stranger('GET', direct), 'NOT_A_PARTY')

    for (const part of ['', '/content', '/manifest', '/events']) {
      t.equal(await owner('GET', `/exports/${own.id}${part}`), 200)
      t.equal(await buyer('GET', `/exports/${own.id}${part}`), 200)
      t.equal(await stranger('GET', `/exports/${own.id}${part}`), 'NOT_A_PARTY')
      t.equal(await owner('GET', `/exports/${foreign.id}${part}`), 'NOT_A_PARTY')
      t.equal(await owner('GET', `/exports/${both.id}${part}`), 'NOT_A_PARTY')
      t.equal(await owner('GET', `/exports/${chat.id}${part}`), 'FORBIDDEN')
    }
    t.equal(await buyer('POST', `/exports/${own.id}/cancellation`), 'FORBIDDEN')
    t.equal(await owner('DELETE', `/exports/${own.id}`), 'FORBIDDEN')
    t.equal(await admin('DELETE', `/exports/${foreign.id}`), 'NOT_A_PARTY')

    const { body } = await call('GET', `/audit?entityId=${own.id}&action=export.downloaded`)
    t.same(
      body.items.map(({ actor }) => (actor as { email: string }).email),
      ['buyer@example.com', 'owner@example.com'],
      'downloads are in the audit log',
    )
    const refused = await call('GET', `/audit?entityId=${foreign.id}&outcome=refused`)
    t.match(refused.body.items[0], { dataset: 'deal-rooms', metadata: { code: 'NOT_A_PARTY' } })
    t.equal(await admin('DELETE', `/exports/${own.id}`), 204)
  },
)
