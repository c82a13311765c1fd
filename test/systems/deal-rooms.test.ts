import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sql, testDatabase } from '../support/postgres.ts'
import { listeningService, token } from './service.ts'
import { openWalk, readJson, type Walk } from './walk.ts'

t.test('deal-rooms, as its README.md walks through it', async (t) => {
  const source = await testDatabase(t)
  const walk = await openWalk(t, 'deal-rooms')
  const { section, shell } = walk
  await shell.set({ SOURCE_URL: source, STORE: join(shell.folder, 'store') })
  await shell.run('mkdir "$STORE"')
  await section('Fill a database')
  const service = await listeningService(t, source, {
    HOLDFAST_STORE_URL: `file:${join(shell.folder, 'store')}`,
  })
  await shell.set({ HOLDFAST_URL: service.url, HOLDFAST_BOOTSTRAP_TOKEN: token })
  await section('The system')
  const room = (await shell.run('echo $ROOM')).trim()

  await section('Copies of a room', async (t) => {
    const { counts } = await readJson<{ counts: object }>(walk, 'snapshot.json')
    const of = (table: string) =>
      `(SELECT count(*)::int FROM deal_rooms.${table} WHERE room_id = $1) AS "deal_rooms.${table}"`
    const [rows] = await sql(
      source,
      `SELECT 1 AS "deal_rooms.rooms", ${['terms', 'parties', 'messages', 'documents'].map(of).join(', ')},
         (SELECT count(*)::int FROM deal_rooms.reviews JOIN deal_rooms.documents d ON d.id = document_id
          WHERE room_id = $1) AS "deal_rooms.reviews"`,
      [room],
    )
    t.strictSame(counts, rows)
  })
  await service.restart()
  await shell.set({ HOLDFAST_URL: service.url })
  await section('After a restart')
  await section('Five checks on every call', async (t) => {
    const refusals = await checkEveryCall(t, walk, service.url, room)
    const logged = await sql(
      service.database,
      `SELECT actor_name AS name, count(*)::int AS refusals FROM audit_entries
       WHERE outcome = 'refused' AND actor_email IS NOT NULL GROUP BY 1`,
    )
    for (const { name, refusals: entries } of logged)
      t.ok(
        Number(entries) >= (refusals.get(String(name)) ?? 0),
        `what ${String(name)} was refused is in the log`,
      )
    for (const name of refusals.keys())
      t.ok(
        logged.some((row) => row['name'] === name),
        name,
      )
  })
  t.strictSame(
    await sql(source, 'SELECT count(*)::int AS rooms FROM deal_rooms.rooms'),
    [{ rooms: 200 }],
    'the rooms themselves are as they were',
  )
  walk.end()
})

const parties = ['owner', 'broker', 'charterer', 'seller', 'buyer', 'admin']
const creators = ['owner', 'broker', 'charterer', 'admin']

/** What a call has to answer: a status, or the code of a refusal. */
function expected(who: string, may: string[], done: number): number | string {
  if (who === 'nobody') return 'SIGN_IN_REQUIRED'
  if (who === 'stranger') return 'NOT_A_PARTY'
  return may.includes(who) ? done : 'FORBIDDEN'
}

/** Makes every call as everybody. @returns how often each of those who are known was refused */
async function checkEveryCall(t: Test, walk: Walk, url: string, room: string): Promise<Map<string, number>> {
  const refusals = new Map<string, number>()
  const wanted = { dataset: 'deal-rooms', scope: { keys: [room] } }
  const kinds = [
    ['exports', { ...wanted, format: 'json' }, { ...wanted, format: 'docx' }],
    ['snapshots', wanted, { ...wanted, scope: { month: '2026-10' } }],
  ] as const
  const [admin, owner] = [await caller(walk, url, 'admin'), await caller(walk, url, 'owner')]
  for (const [noun, body, unfit] of kinds) {
    const { id } = (await owner('POST', `/${noun}`, body)).body
    t.type(id, 'string')
    for (const who of [...parties.filter((role) => role !== 'admin'), 'stranger', 'nobody', 'admin']) {
      const ask = await caller(walk, url, who)
      const check = async (want: number | string, method: string, path: string, body?: object) => {
        const { status, code } = await ask(method, path, body)
        t.equal(code ?? status, want, `${who}: ${method} ${path.replace(id!, ':id')}`)
        if (status === 403) refusals.set(who, (refusals.get(who) ?? 0) + 1)
      }
      const list = await ask('GET', `/${noun}?dataset=deal-rooms`)
      t.equal(list.code ?? list.status, who === 'nobody' ? 'SIGN_IN_REQUIRED' : 200, `${who}: GET /${noun}`)
      t.equal(
        (list.body.items ?? []).length > 0,
        parties.includes(who),
        `${who} sees the room's ${noun}, or none`,
      )
      await check(expected(who, parties, 200), 'GET', `/${noun}/${id}`)
      await check(expected(who, parties, 200), 'GET', `/${noun}/${id}/content`)
      await check(expected(who, creators, 201), 'POST', `/${noun}`, body)
      if (creators.includes(who))
        t.match((await ask('POST', `/${noun}`, unfit)).status, /^40[03]$/, 'options are checked')
      await check(expected(who, ['admin'], 204), 'DELETE', `/${noun}/${id}`)
    }
    t.equal((await admin('GET', `/${noun}/${id}`)).status, 404, 'deleted by the admin alone')
  }
  return refusals
}

/** Asks with the cookie that somebody got when they signed in, in the walk. */
async function caller({ shell }: Walk, url: string, who: string) {
  const jar = who === 'nobody' ? '' : await readFile(join(shell.folder, `${who}.cookie`), 'utf8')
  const [, cookie = ''] = /(\S*holdfast_session\t\S+)/.exec(jar) ?? []
  return async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${url}/api${path}`, {
      method,
      headers: {
        ...(cookie && { cookie: cookie.replace('\t', '=') }),
        ...{ 'sec-fetch-site': 'same-origin', prefer: 'wait=60' },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const said = /json/.test(answer.headers.get('content-type') ?? '') ? (JSON.parse(text) as Said) : {}
    return { status: answer.status, code: answer.ok ? undefined : said.code, body: said }
  }
}

interface Said {
  id?: string
  code?: string
  items?: unknown[]
}
