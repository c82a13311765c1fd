import t from 'tap'
import type { DeclaredRoute } from '../../src/access/declared-permissions.ts'
import { sql } from '../support/postgres.ts'
import { everybody, roleOf, setUp, thingsOf, words, type Refusal, type Thing, type Who } from './things.ts'

const stage = await setUp(t)
const { app, call } = stage.service
const published = await publishedRoles()

/** Refusals are written down 30 a minute for each: this long goes by between two requests. */
const paceMs = 2500

/** A refusal that has to be in the audit log once, by the id of its request. */
const refused = new Map<string, { what: string; code: string }>()
const gone = new Set<string>()

/** Members whom a role alone keeps out are all alike: one of them stands for the others. */
const standIn: Who = 'owner'

for (const who of everybody)
  t.test(`${who}: one's own and other people's things, at every route`, async (t) => {
    const wrong: string[] = []
    let asked = 0
    for (const route of app.declaredRoutes.filter((one) => isWorthAsking(one, who)))
      for (const thing of await thingsOf(stage, route, who)) {
        if (route.method === 'HEAD' && thing.whose === 'all') continue
        const what = `${route.method} ${thing.path}: ${who}, ${thing.whose}`
        const answer = await ask(route, thing, who)
        const expected = expectedRefusal(route, thing, who)
        const complaint = complaintOf(route, thing, who, expected, answer)
        if (complaint !== null) wrong.push(`${what}: ${complaint}, but ${answer.status} ${answer.code}`)
        remember(answer, expected, thing, what)
        asked++
      }
    t.same(wrong, [])
    t.ok(asked > 50, `${asked} requests`)
  })

function isWorthAsking({ permission }: DeclaredRoute, who: Who): boolean {
  if (permission === 'public') return false
  if (roleOf(who) !== 'member' || who === standIn || permission === 'signed-in') return true
  return published.get(permission)!.includes('member')
}

function complaintOf(
  { method }: DeclaredRoute,
  thing: Thing,
  who: Who,
  expected: Refusal | undefined,
  answer: Answer,
): string | null {
  if (roleOf(who) === 'member' && answer.body.includes(words.foreign)) return "tells what is others'"
  if (who === 'stranger' && answer.body.includes(words.own)) return "tells what is others'"
  if (expected === undefined) return isLetIn(method, thing, answer) ? null : 'should be let in'
  const isRefused = answer.status === expected.status && [null, expected.code].includes(answer.code)
  return isRefused ? null : `should be refused with ${expected.status} ${expected.code}`
}

/** Forms that are shown again with the problem don't tell its code: the expected one is. */
function remember(answer: Answer, expected: Refusal | undefined, thing: Thing, what: string) {
  const { status, requestId } = answer
  if (status === 403) refused.set(requestId, { what, code: answer.code ?? expected?.code ?? '' })
  if (status === 409 && thing.thwarted) refused.set(requestId, { what, code: thing.thwarted })
  if (status === 303 && thing.oneByOne) refused.set(requestId, { what, code: thing.oneByOne })
}

t.test('every refusal is in the audit log, once', async (t) => {
  const entries = await sql(
    app.config.databaseUrl!,
    `SELECT request_id AS id, metadata::jsonb->>'code' AS code
     FROM audit_entries WHERE outcome = 'refused' AND metadata::jsonb->>'code' IN
       ('FORBIDDEN', 'NOT_A_PARTY', 'SNAPSHOT_HELD')`,
  )
  const found = Map.groupBy(entries as { id: string; code: string }[], ({ id }) => id)
  const wrong = [...refused].filter(([id, { code }]) => {
    const codes = (found.get(id) ?? []).map((entry) => entry.code)
    return codes.join() !== code
  })
  t.same(wrong, [])
  t.same(
    [...found.keys()].filter((id) => !refused.has(id)),
    [],
    'nothing else is',
  )
  t.ok(refused.size > 200, `${refused.size} refusals`)
})

t.test('nothing of anybody went', async (t) => {
  const [left] = await sql(
    app.config.databaseUrl!,
    `SELECT (SELECT count(*)::int FROM snapshots WHERE id = ANY ($1)) AS snapshots,
       (SELECT count(*)::int FROM exports WHERE id = ANY ($2) AND deleted_at IS NULL) AS exports,
       (SELECT count(*)::int FROM sessions WHERE id = $3) AS sessions`,
    [[...stage.snapshots.values()], [...stage.exports.values()], stage.session],
  )
  t.same(left, { snapshots: 5, exports: 5, sessions: 1 })
})

t.test('a route that nobody has said anything of is noticed', async (t) => {
  const forgotten = { method: 'GET', url: '/api/secrets/:id', permission: 'snapshots:view' }
  await t.rejects(thingsOf(stage, forgotten, 'owner'), /whose things GET \/api\/secrets\/:id/)
  const change = { method: 'POST', url: '/api/secrets', permission: 'snapshots:create' }
  await t.rejects(thingsOf(stage, change, 'owner'), /whose things POST/)
})

async function publishedRoles(): Promise<Map<string, string[]>> {
  const { body } = await call('GET', '/permissions')
  const { permissions } = body as unknown as { permissions: { permission: string; roles: string[] }[] }
  return new Map(permissions.map(({ permission, roles }) => [permission, roles]))
}

/** What the published matrix says, and then whose thing it is. */
function expectedRefusal(
  { permission, url, method }: DeclaredRoute,
  thing: Thing,
  who: Who,
): Refusal | undefined {
  if (who === 'nobody') {
    const isLed = method !== 'POST' && !url.startsWith('/api/')
    return { status: isLed ? 303 : 401, code: 'SIGN_IN_REQUIRED' }
  }
  const mayAsk = permission === 'signed-in' || published.get(permission)!.includes(roleOf(who))
  return mayAsk ? thing.refusal : { status: 403, code: 'FORBIDDEN' }
}

interface Answer {
  status: number
  code: string | null
  body: string
  requestId: string
}

async function ask({ method, url }: DeclaredRoute, thing: Thing, who: Who): Promise<Answer> {
  stage.clock.at += paceMs
  const isPage = !url.startsWith('/api/')
  const takesBody = /^(POST|PUT|PATCH)$/.test(method)
  const fields = thing.payload ?? {}
  const type = isPage ? 'application/x-www-form-urlencoded' : 'application/json'
  const answer = await app.inject({
    method: method as 'GET',
    url: thing.path,
    headers: {
      ...stage.headers[who],
      ...thing.headers,
      accept: isPage ? 'text/html' : 'application/json',
      ...(takesBody && { 'content-type': type }),
    },
    ...(takesBody && { payload: isPage ? new URLSearchParams(Object.entries(fields)).toString() : fields }),
    payloadAsStream: true,
  })
  // What happens to something that isn't over yet could be followed for ever.
  const isFollowed = url.endsWith('/events') && answer.statusCode === 200
  const body = isFollowed ? '' : await readAll(answer.stream())
  if (isFollowed) answer.stream().destroy()
  const requestId = answer.headers['x-request-id'] as string
  return { status: answer.statusCode, code: codeOf(body), body, requestId }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString()
}

/** The code of the problem that an answer or a page tells of. */
function codeOf(body: string): string | null {
  return (/^\{.*"code":"([A-Z_]+)"/s.exec(body) ?? /<code>([A-Z_]+)<\/code>/.exec(body))?.[1] ?? null
}

/** Something of everybody's may be gone when another one who may had it removed before. */
function isLetIn(method: string, { whose, path, thwarted }: Thing, { status, code }: Answer): boolean {
  const isGone = status === 404 && whose === 'all' && gone.has(path.replace(/^\/api|\/lifting$/g, ''))
  if (method !== 'GET' && method !== 'HEAD') gone.add(path.replace(/^\/api|\/lifting$/g, ''))
  if (thwarted !== undefined) return status === 409 && (code === null || code === thwarted)
  return isGone || (status < 500 && ![401, 403, 404].includes(status))
}
