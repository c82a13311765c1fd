import t from 'tap'
import { deliveryService } from '../deliveries/service.ts'
import { makeOneOfEverything } from '../pages/one-of-everything.ts'
import type { Service } from '../snapshots/service.ts'
import type { ApiDocument } from '../support/bad-requests.ts'
import { documented } from '../support/documented.ts'
import { browse, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

/** Statuses that take more than a request to provoke, and where they are seen. */
const elsewhere: Record<string, string> = {
  'GET /readyz 503': 'without its database: test/platform/lost-connections.test.ts',
  'POST /api/notifications/{id}/attempts 201': 'not while its lane rests: test/notifications/deliver.test.ts',
}

const service = await deliveryService(t, {
  environment: { SMTP_URL: 'smtp://127.0.0.1:1', NOTIFY_EMAIL: 'ops@example.com' },
})
const { app, graph } = service
const document = (await app.inject('/openapi.json')).json<ApiDocument>()
const { complaintOf, seen } = documented(document)
const complaints: string[] = []
const patient = { prefer: 'wait=30' }
const atOnce = { prefer: 'wait=0' }

/** Asks as `service.call` does, and notes what is not as documented. */
const call: Service['call'] = async (method, path, body, headers) => {
  const answer = await service.call(method, path, body, headers)
  judge(method, `/api${path}`, answer.raw)
  return answer
}

type Raw = Awaited<ReturnType<typeof service.app.inject>>

function judge(method: string, url: string, { statusCode, headers, body }: Raw): void {
  const type = String(headers['content-type'] ?? '')
  const complaint = complaintOf(method, url, { status: statusCode, type, body })
  if (complaint !== null) complaints.push(complaint)
}

t.test('every documented response is seen', async (t) => {
  await makeOneOfEverything({ ...service, call })
  await access()
  await snapshots()
  await restores()
  await exports()
  await batches()
  await cleanups()
  await deliveries()
  await theRest()
  await readAll()
  await refuseAll()
  t.same(complaints, [], 'and nothing else')
  const missing = documentedPairs().filter((pair) => !seen.has(pair) && !(pair in elsewhere))
  t.same(missing, [])
  for (const pair of Object.keys(elsewhere)) t.ok(documentedPairs().includes(pair), `${pair} is documented`)
})

function documentedPairs(): string[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      Object.keys((operation as { responses: object }).responses)
        .filter((status) => status !== 'default')
        .map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  )
}

async function access() {
  const { body: user } = await call('POST', '/users', {
    ...{ email: 'ann@example.com', name: 'Ann', role: 'viewer', password },
  })
  await call('PATCH', `/users/${user.id}`, { name: 'Anna' })
  await call('DELETE', `/users/${user.id}/sessions`)
  const { body: token } = await call('POST', '/tokens', { name: 'short', role: 'viewer' })
  await call('DELETE', `/tokens/${token.id}`)
  await person(app, 'eve', 'viewer')
  const other = { email: 'eve@example.com', password }
  judge('POST', '/api/session', await app.inject({ method: 'POST', url: '/api/session', payload: other }))
  const first = await browse(app, 'eve')
  const headers = await browse(app, 'eve')
  const as = async (method: 'GET' | 'PUT' | 'DELETE', url: string, more: object = {}, payload?: object) => {
    const shown = { ...headers, ...more }
    const answer = await app.inject({ method, url, headers: shown, ...(payload && { payload }) })
    judge(method, url, answer)
    return answer
  }
  const listed = await as('GET', '/api/me/sessions', first)
  const { items } = listed.json<{ items: { id: string; current: boolean }[] }>()
  await as('DELETE', `/api/me/sessions/${items.find(({ current }) => current)!.id}`)
  const { headers: answered } = await as('GET', '/api/me/sessions')
  await as('GET', '/api/me/sessions', { 'if-none-match': answered.etag })
  const change = { currentPassword: password, password: `${password} again` }
  const { cookies } = await as('PUT', '/api/me/password', {}, change)
  await as('DELETE', '/api/session', { cookie: `${cookies[0]!.name}=${cookies[0]!.value}` })
}

async function snapshots() {
  const wanted = { dataset: 'chat', scope: { keys: [7] } }
  const { body } = await call('POST', '/snapshots', wanted)
  await call('POST', `/snapshots/${body.id}/cancellation`)
  const { body: taken } = await call('POST', '/snapshots', { ...wanted, title: 'Kept' }, patient)
  await call('POST', '/snapshots', { ...wanted, reuseWithin: '1h' })
  await call('PATCH', `/snapshots/${taken.id}`, { note: 'Checked' })
  await call('POST', `/snapshots/${taken.id}/verifications`)
  const { body: other } = await call('POST', '/snapshots', wanted, patient)
  await call('DELETE', `/snapshots/${other.id}`)
}

async function restores() {
  const { body: snapshot } = await call(
    'POST',
    '/snapshots',
    { dataset: 'chat', scope: { keys: [8] } },
    patient,
  )
  for (const headers of [patient, atOnce]) {
    await sql(service.source, `UPDATE chat.sessions SET subject = subject || '!' WHERE id = 8`)
    const { body: planned } = await call('POST', '/restores', { snapshotId: snapshot.id }, patient)
    await call('POST', `/restores/${planned.id}/application`, { planHash: planned['planHash'] }, headers)
    await followed('restores', planned.id)
    await call('POST', `/restores/${planned.id}/undo`, undefined, headers)
  }
  const { body: unapplied } = await call('POST', '/restores', { snapshotId: snapshot.id }, atOnce)
  await followed('restores', unapplied.id)
  await call('POST', `/restores/${unapplied.id}/cancellation`)
}

/** Waits for the end of something, and sees that its progress is told. */
async function followed(nouns: string, id: string) {
  await call('GET', `/${nouns}/${id}/events`)
}

async function exports() {
  const wanted = { dataset: 'chat', scope: { keys: [9] }, format: 'csv' }
  const { body } = await call('POST', '/exports', wanted)
  await call('POST', `/exports/${body.id}/cancellation`)
  await followed('exports', body.id)
  await call('DELETE', `/exports/${body.id}`)
}

async function batches() {
  const wanted = { key: 'documented', items: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }
  const { body } = await call('POST', '/batches', wanted)
  await call('POST', '/batches', wanted)
  const path = `/batches/${body.id}`
  await call('POST', `${path}/items`, { items: [{ id: 'd' }] })
  await call('POST', `${path}/pause`)
  await call('POST', `${path}/resumption`, {})
  const { body: claimed } = await call('POST', `${path}/claims`, { worker: 'w', limit: 3, leaseSeconds: 60 })
  const [first, second] = claimed.items as unknown as { id: string }[]
  const { lease } = claimed as unknown as { lease: string }
  await call('POST', `${path}/renewals`, { lease, leaseSeconds: 60 })
  await call('POST', `${path}/checkpoints`, { lease, completed: [first!.id] })
  await call('POST', `${path}/releases`, { lease, items: [second!.id] })
  await call('POST', `${path}/cancellation`)
  await followed('batches', body.id)
}

async function cleanups() {
  for (const [key, headers] of [
    [20, patient],
    [21, atOnce],
  ] as const) {
    const wanted = { dataset: 'chat', scope: { keys: [key] }, target: 'records' }
    const { body: preview } = await call('POST', '/cleanups', wanted)
    const confirmed = { ...wanted, confirmDelete: true, planHash: preview['planHash'] }
    const { body: later } = await call(
      'POST',
      '/cleanups',
      { ...confirmed, dueAt: '2999-01-01T00:00:00Z' },
      headers,
    )
    await call('PATCH', `/cleanups/${later.id}`, { hold: true })
    await call('PATCH', `/cleanups/${later.id}`, { hold: false })
    await call('POST', `/cleanups/${later.id}/application`, { planHash: preview['planHash'] }, headers)
    await followed('cleanups', later.id)
    await call('POST', `/cleanups/${later.id}/undo`, undefined, headers)
  }
  const wanted = { dataset: 'chat', scope: { keys: [22] }, target: 'records' }
  const { body: preview } = await call('POST', '/cleanups', wanted)
  const confirmed = {
    ...wanted,
    confirmDelete: true,
    planHash: preview['planHash'],
    dueAt: '2999-01-01T00:00:00Z',
  }
  const { body } = await call('POST', '/cleanups', confirmed)
  await call('POST', `/cleanups/${body.id}/cancellation`)
  const now = { dataset: 'chat', scope: { keys: [23] }, target: 'records', confirmDelete: true }
  const { body: seen } = await call('POST', '/cleanups', { ...now, confirmDelete: false })
  await call('POST', '/cleanups', { ...now, planHash: seen['planHash'] }, patient)
  await call('DELETE', `/cleanups/${body.id}`)
}

async function deliveries() {
  graph.misbehave('put', { kind: 'full' })
  const wanted = { dataset: 'legacy-import', scope: { keys: [service.sessions[1]] }, skipSnapshotCheck: true }
  const drive = { type: 'onedrive', folder: 'Documented' }
  const { body } = await call(
    'POST',
    '/deliveries',
    { ...wanted, destination: drive, accessToken: 'a-token' },
    patient,
  )
  await call('POST', `/deliveries/${body.id}/token`, { accessToken: 'a-token' })
  await call('POST', `/deliveries/${body.id}/cancellation`)
  await followed('deliveries', body.id)
}

async function theRest() {
  await call('POST', '/audit/verifications')
  await call('PATCH', '/schedules/runs.history', { paused: true })
  await call('PATCH', '/schedules/runs.history', { paused: false })
  await call('POST', '/schedules/runs.history/runs')
  await call('POST', '/datasets/proposals', { table: 'chat.sessions' })
  const { body: hold } = await call('POST', '/holds', { dataset: 'chat', key: 30, reason: 'A while' })
  await call('DELETE', `/holds/${hold.id}`)
  await call('POST', '/notifications/tests', { channel: 'email' })
  const { body: notices } = await call('GET', '/notifications')
  for (const headers of [patient, atOnce])
    await call('POST', `/notifications/${notices.items[0]!.id}/attempts`, {}, headers)
}

/** Every operation that only reads, twice: the second time nothing has changed since. */
async function readAll() {
  for (const [path, item] of Object.entries(document.paths)) {
    if (!('get' in item)) continue
    const url = await filled(path)
    const isFollowed = path.endsWith('/events')
    const headers = { authorization: `Bearer ${service.environment['HOLDFAST_BOOTSTRAP_TOKEN']}` }
    const answer = await app.inject({ url, headers })
    judge('GET', url, answer)
    if (isFollowed || answer.headers.etag === undefined) continue
    const etag = String(answer.headers.etag)
    const again = await app.inject({ url, headers: { ...headers, 'if-none-match': etag } })
    judge('GET', url, again)
    // What says when it was asked is never the same; whoever has any version of it can say so all the same.
    if (again.statusCode === 200)
      judge('GET', url, await app.inject({ url, headers: { ...headers, 'if-none-match': '*' } }))
  }
}

/** Nobody in particular asks for everything: each refusal is a problem. */
async function refuseAll() {
  for (const [path, item] of Object.entries(document.paths))
    for (const method of Object.keys(item)) {
      const url = await filled(path)
      judge(method.toUpperCase(), url, await app.inject({ method: method as 'GET', url: `${url}x` }))
    }
}

/** The newest of everything, by the noun of its address. */
const tables: Record<string, string> = {
  'audit/verifications': 'audit_checks',
  'schedules/runs': 'schedule_runs',
  audit: 'audit_entries',
  'me/sessions': 'sessions',
  users: 'users',
  tokens: 'api_tokens',
  notifications: 'notices',
}

async function filled(path: string): Promise<string> {
  const [, noun = ''] = /^\/api\/(.+)\/\{id\}/.exec(path) ?? []
  const query =
    path === '/api/datasets/{dataset}/content'
      ? '?format=json&key=2&skipSnapshotCheck=true'
      : path.endsWith('/gate')
        ? '?operation=export'
        : ''
  const id = noun && (await newest(tables[noun] ?? noun, noun))
  return (
    path
      .replace('{id}', id)
      .replace('{dataset}', 'chat')
      .replace('{key}', '2')
      .replace('{name}', 'runs.history') + query
  )
}

async function newest(table: string, noun: string): Promise<string> {
  const isFinished = /^(snapshots|exports)$/.test(noun) ? "WHERE status = 'completed'" : ''
  const [row] = await sql(
    app.config.databaseUrl!,
    `SELECT id FROM ${table} ${isFinished} ORDER BY id DESC LIMIT 1`,
  )
  return (row?.['id'] as string | undefined) ?? '01900000-0000-7000-8000-000000000000'
}
