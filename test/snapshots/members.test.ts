import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { snapshotService, take, type Answer, type Body } from './service.ts'

type Method = 'GET' | 'POST' | 'DELETE'

/** Somebody whom the rooms know, signed in. */
async function member(app: FastifyInstance, name: string) {
  await person(app, name, 'member')
  const headers = await browse(app, name)
  return async (method: Method, path: string, body?: object): Promise<Pick<Answer, 'status' | 'body'>> => {
    const raw = await app.inject({
      method,
      url: `/api${path}`,
      headers: { ...headers, prefer: 'wait=60' },
      ...(body && { payload: body }),
    })
    const isWhole = /json/.test(String(raw.headers['content-type']))
    return { status: raw.statusCode, body: (isWhole ? raw.json() : {}) as Body }
  }
}

const outcome = ({ status, body }: Pick<Answer, 'status' | 'body'>) => body.code ?? status

const ids = async (ask: Awaited<ReturnType<typeof member>>, query = '') =>
  (await ask('GET', `/snapshots${query}`)).body.items.map(({ id }) => id)

t.test(
  'members reach the snapshots of the rooms that name them, as far as their role there goes',
  async (t: Test) => {
    const service = await snapshotService(t)
    const { app, source } = service
    const [mine, other] = await sql(source, 'SELECT id FROM deal_rooms.rooms ORDER BY id LIMIT 2')
    const rooms = [mine!['id'], other!['id']] as [string, string]
    for (const role of ['owner', 'buyer', 'admin'])
      await sql(
        source,
        `INSERT INTO deal_rooms.parties (room_id, email, name, role) VALUES ($1, $2, '', $3)`,
        [rooms[0], `${role}@example.com`, role],
      )
    const room = { dataset: 'deal-rooms', scope: { keys: [rooms[0]] } }
    const foreign = await take(service, { dataset: 'deal-rooms', scope: { keys: [rooms[1]] } })
    const own = await take(service, room)
    const both = await take(service, { dataset: 'deal-rooms', scope: { keys: rooms } })
    const all = await take(service, { dataset: 'deal-rooms' })
    const chat = await take(service, { dataset: 'chat', scope: { keys: ['1'] } })

    t.test('an owner takes, sees and downloads', async (t) => {
      const owner = await member(app, 'owner')
      t.equal(outcome(await owner('POST', '/snapshots', { dataset: 'deal-rooms' })), 'FORBIDDEN')
      t.equal(
        outcome(await owner('POST', '/snapshots', { dataset: 'chat', scope: { keys: ['1'] } })),
        'FORBIDDEN',
      )
      const scope = { keys: [rooms[1]] }
      t.equal(outcome(await owner('POST', '/snapshots', { dataset: 'deal-rooms', scope })), 'NOT_A_PARTY')
      const reused = await owner('POST', '/snapshots', { ...room, reuseWithin: '1h' })
      t.match(reused, { status: 200, body: { id: own.id } }, 'not a later one that holds other rooms too')
      const taken = await owner('POST', '/snapshots', room)
      t.match(taken, { status: 201, body: { status: 'completed', createdBy: 'owner@example.com' } })

      t.same(await ids(owner), [taken.body.id, own.id])
      t.same(await ids(owner, '?limit=1'), [taken.body.id])
      t.same(await ids(owner, `?dataset=deal-rooms&key=${rooms[1]}`), [])
      t.equal(outcome(await owner('GET', `/snapshots/${own.id}`)), 200)
      t.equal(outcome(await owner('GET', `/snapshots/${own.id}/content`)), 200)
      for (const { id } of [foreign, both]) {
        t.equal(outcome(await owner('GET', `/snapshots/${id}`)), 'NOT_A_PARTY')
        t.equal(outcome(await owner('GET', `/snapshots/${id}/content`)), 'NOT_A_PARTY')
        t.equal(outcome(await owner('GET', `/snapshots/${id}/events`)), 'NOT_A_PARTY')
      }
      for (const { id } of [all, chat]) t.equal(outcome(await owner('GET', `/snapshots/${id}`)), 'FORBIDDEN')
      t.equal(outcome(await owner('DELETE', `/snapshots/${own.id}`)), 'FORBIDDEN')
      t.equal(outcome(await owner('POST', `/snapshots/${own.id}/verifications`)), 'FORBIDDEN')
      t.equal(outcome(await owner('GET', `/snapshots/${own.id}/changes`)), 'FORBIDDEN')
    })

    t.test('a buyer only looks', async (t) => {
      const buyer = await member(app, 'buyer')
      t.equal(outcome(await buyer('POST', '/snapshots', room)), 'FORBIDDEN')
      t.equal(outcome(await buyer('GET', `/snapshots/${own.id}`)), 200)
      t.equal(outcome(await buyer('POST', `/snapshots/${own.id}/cancellation`)), 'FORBIDDEN')
    })

    t.test('a stranger sees nothing', async (t) => {
      const stranger = await member(app, 'stranger')
      t.same(await ids(stranger), [])
      t.equal(outcome(await stranger('GET', `/snapshots/${own.id}`)), 'NOT_A_PARTY')
    })

    t.test("a room's admin deletes its snapshots and no others", async (t) => {
      const admin = await member(app, 'admin')
      t.equal(outcome(await admin('DELETE', `/snapshots/${foreign.id}`)), 'NOT_A_PARTY')
      t.equal(outcome(await admin('DELETE', `/snapshots/${own.id}`)), 204)
    })

    t.test('refusals are in the audit log with the snapshot and its dataset', async (t) => {
      const { body } = await service.call('GET', `/audit?entityId=${foreign.id}&outcome=refused`)
      t.match(body.items[0], {
        dataset: 'deal-rooms',
        actor: { email: 'admin@example.com' },
        metadata: { code: 'NOT_A_PARTY' },
      })
    })
  },
)
