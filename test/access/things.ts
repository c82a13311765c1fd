import type { DeclaredRoute } from '../../src/access/declared-permissions.ts'
import { rolesWith } from '../../src/access/permissions.ts'
import type { Role } from '../../src/audit/actor.ts'
import { deliveryService, type DeliveryService } from '../deliveries/service.ts'
import { make } from '../exports/service.ts'
import { makeOneOfEverything } from '../pages/one-of-everything.ts'
import { take } from '../snapshots/service.ts'
import { browse, movableClock, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

/** Who asks. All but `nobody` are signed in; the last four are members, by what they are in the first deal room. */
export const everybody = [
  'nobody',
  'admin',
  'operator',
  'viewer',
  'owner',
  'captain',
  'buyer',
  'stranger',
] as const
export type Who = (typeof everybody)[number]

/** What a room's own role grants there: examples/deal-rooms/deal-rooms.yaml. `download` is not in it: it goes with `view`. */
const partyGrants: Partial<Record<Who, string[]>> = {
  owner: ['list', 'view', 'download', 'create'],
  captain: ['list', 'view', 'download', 'create', 'delete'],
  buyer: ['list', 'view', 'download'],
}

export function roleOf(who: Who): Role | 'anonymous' {
  if (who === 'nobody') return 'anonymous'
  return who === 'admin' || who === 'operator' || who === 'viewer' ? who : 'member'
}

/** What a member may do with some records: all of it, what their role in the room grants, or nothing. */
type Records = 'own room' | 'another room' | 'both rooms' | 'all rooms' | 'no rooms'
const scopes: Records[] = ['own room', 'another room', 'both rooms', 'all rooms', 'no rooms']

/** Something that a request is about. */
export interface Thing {
  whose: string
  path: string
  payload?: object
  /** For those who have the route's permission; undefined where they are let in. */
  refusal?: Refusal | undefined
  /** What keeps a change from being made once it is permitted. */
  thwarted?: string
  /** With what each of several is refused, in the audit log; the request itself isn't. */
  oneByOne?: string
  /** Not with the session that everything else is asked with. */
  headers?: Record<string, string>
}

export interface Refusal {
  status: number
  code: string
}

const forbidden: Refusal = { status: 403, code: 'FORBIDDEN' }
const notAParty: Refusal = { status: 403, code: 'NOT_A_PARTY' }

/** What the rules of parties say about somebody who has the route's permission. */
function partyRefusal(who: Who, records: Records, action: string): Refusal | undefined {
  if (roleOf(who) !== 'member') return undefined
  if (records === 'no rooms' || records === 'all rooms') return forbidden
  if (records === 'another room' || who === 'stranger') return notAParty
  if (!partyGrants[who]!.includes(action)) return forbidden
  return records === 'own room' ? undefined : notAParty
}

type Headers = Record<Who, Record<string, string>>

/** What there is to ask about, and by whom. */
export interface Stage {
  service: DeliveryService
  /** Moved on by whoever asks. */
  clock: ReturnType<typeof movableClock>
  headers: Headers
  scopes: ReturnType<typeof scopesOf>
  snapshots: Map<Records, string>
  exports: Map<Records, string>
  /** What belongs to nobody in particular, by the beginning of its address. */
  shared: [RegExp, Record<string, string>][]
  /** By who made them. */
  tokens: Record<string, string>
  /** Another operator's. */
  session: string
}

/** A service in which everybody has something. */
export async function setUp(t: Parameters<typeof deliveryService>[0]): Promise<Stage> {
  const clock = movableClock()
  const service = await deliveryService(t, {
    clock,
    environment: { SMTP_URL: 'smtp://127.0.0.1:1', NOTIFY_EMAIL: 'ops@example.com' },
  })
  const room = await makeOneOfEverything(service)
  const [other] = await sql(
    service.source,
    'SELECT id FROM deal_rooms.rooms WHERE id <> $1 ORDER BY id LIMIT 1',
    [room],
  )
  const rooms = [room, other!['id'] as string] as const
  await name(service, rooms)
  const headers = await signIn(service)
  const stage: Stage = {
    service,
    clock,
    scopes: scopesOf(rooms),
    snapshots: new Map(),
    exports: new Map(),
    headers,
    shared: await shared(service),
    tokens: {},
    session: await spareSession({ service }, 'another'),
  }
  await capture(stage)
  for (const who of ['admin', 'operator', 'another'] as const) {
    const headers = who === 'another' ? await browse(service.app, 'another') : stage.headers[who]
    const answer = await service.app.inject({
      method: 'POST',
      url: '/api/tokens',
      headers,
      payload: { name: who, role: 'viewer' },
    })
    stage.tokens[who] = answer.json<{ id: string }>().id
  }
  return stage
}

/** Words that stand in one's own room, and in what no member may read. */
export const words = { own: 'Halcyon-own-room', foreign: 'Peregrine-of-others' }

async function name({ source }: DeliveryService, [own, other]: readonly [string, string]) {
  const rename = 'UPDATE deal_rooms.rooms SET title = $2 WHERE id = $1'
  await sql(source, rename, [own, words.own])
  await sql(source, rename, [other, words.foreign])
  await sql(source, 'UPDATE chat.sessions SET subject = $1 WHERE id = 2', [words.foreign])
  const join = `INSERT INTO deal_rooms.parties (room_id, email, name, role) VALUES ($1, $2, 'One', $3)`
  for (const [who, role] of [
    ['owner', 'owner'],
    ['captain', 'admin'],
    ['buyer', 'buyer'],
  ])
    await sql(source, join, [own, `${who}@example.com`, role])
}

async function signIn({ app }: DeliveryService): Promise<Headers> {
  const headers: Partial<Headers> = { nobody: { 'sec-fetch-site': 'same-origin' } }
  for (const who of everybody.slice(1)) {
    await person(app, who, roleOf(who) as Role)
    headers[who] = await browse(app, who)
  }
  await person(app, 'another', 'operator')
  await person(app, 'subject', 'viewer')
  return headers as Headers
}

function scopesOf([own, other]: readonly [string, string]) {
  const of = (...keys: string[]) => ({ dataset: 'deal-rooms', scope: { keys } })
  return {
    'own room': of(own),
    'another room': of(other),
    'both rooms': of(own, other),
    'all rooms': { dataset: 'deal-rooms', scope: { all: true } },
    'no rooms': { dataset: 'chat', scope: { keys: [2] } },
  } satisfies Record<Records, { dataset: string; scope: object }>
}

/** One snapshot and one export of each scope; none of them can be deleted, so that trying it shows who might. */
async function capture({ service, scopes: wanted, snapshots, exports }: Stage) {
  for (const records of scopes) {
    const title = records === 'own room' ? words.own : words.foreign
    const { id } = await take(service, { ...wanted[records], title })
    const { body } = await service.call('PATCH', `/snapshots/${id}`, { hold: true })
    if (body['hold'] === false) throw new Error('the snapshot is not held')
    snapshots.set(records, id)
    const asked = { ...wanted[records], title, format: 'json', skipSnapshotCheck: true }
    const exported = await make(service, asked)
    exports.set(records, exported.id)
  }
}

/** What belongs to nobody in particular: the route's permission decides. By the beginning of the address. */
async function shared({ app }: DeliveryService): Promise<[RegExp, Record<string, string>][]> {
  const newest = async (table: string, column = 'id') => {
    const query = `SELECT ${column} AS it FROM ${table} ORDER BY 1 DESC LIMIT 1`
    const [row] = await sql(app.config.databaseUrl!, query)
    return String(row!['it'])
  }
  const [subject] = await sql(app.config.databaseUrl!, "SELECT id FROM users WHERE name = 'subject'")
  return [
    [/^\/audit\/verifications\/:id/, { id: await newest('audit_checks') }],
    [/^\/audit\/:id/, { id: await newest('audit_entries') }],
    [/^\/batches\/:id/, { id: await newest('batches'), position: await newest('batch_items', 'position') }],
    [/^\/cleanups\/:id/, { id: await newest('cleanups') }],
    [/^\/deliveries\/:id/, { id: await newest('deliveries') }],
    [/^\/holds\/:id/, { id: await newest('holds') }],
    [/^\/notifications\/:id/, { id: await newest('notices') }],
    [/^\/restores\/:id/, { id: await newest('restores') }],
    [/^\/schedules\/runs\/:id/, { id: await newest('schedule_runs') }],
    [/^\/schedules\/:name/, { name: 'runs.history' }],
    [/^\/users\/:id/, { id: subject!['id'] as string }],
    [/^\/(datasets|retention)\/:dataset(?!\/(records|content))/, { dataset: 'chat' }],
    [/^\/problems\/:code/, { code: 'NOT_FOUND' }],
    [/^\/(docs\/static|public\/\w+)\/\*/, {}],
  ]
}

/**
 * What a route is asked about, by whose it is: one's own and other people's where there is such a thing.
 * @throws when nobody has said so of a route that names something, or that changes something for members
 */
export async function thingsOf(stage: Stage, route: DeclaredRoute, who: Who): Promise<Thing[]> {
  const url = route.url.replace(/^\/api(?=\/)/, '')
  const named = `${route.method.replace('HEAD', 'GET')} ${url}`
  for (const [pattern, things] of owned) if (pattern.test(named)) return things({ stage, route, who })
  for (const [pattern, params] of stage.shared)
    if (pattern.test(url)) return [{ whose: 'all', path: filled(route.url, params) }]
  const isHarmless = /^(GET|HEAD)$/.test(route.method) || !takenByMembers(route.permission)
  if (/[:*]/.test(url) || !isHarmless)
    throw new Error(`test/access/things.ts doesn't say whose things ${route.method} ${route.url} is about`)
  return [{ whose: 'all', path: route.url }]
}

function takenByMembers(permission: string): boolean {
  return permission === 'signed-in' || rolesWith(permission).includes('member')
}

interface Asked {
  stage: Stage
  route: DeclaredRoute
  who: Who
}

/** Whose things a request can be about, by method and address without `/api`; HEAD goes with GET. */
const owned: [RegExp, (asked: Asked) => Thing[] | Promise<Thing[]>][] = [
  [/^DELETE \/snapshots\/:id$|^POST \/snapshots\/:id\/deletion$/, (asked) => heldSnapshots(asked)],
  [/^[A-Z]+ \/snapshots\/:id/, (asked) => captured(asked, asked.stage.snapshots)],
  [/^DELETE \/exports\/:id$|^POST \/exports\/:id\/deletion$/, (asked) => spareExports(asked)],
  [/^[A-Z]+ \/exports\/:id/, (asked) => captured(asked, asked.stage.exports)],
  [/^(GET|POST) \/(snapshots|exports)\/selection\/deletion$/, (asked) => chosen(asked)],
  [/^POST \/(snapshots|exports)$/, (asked) => requested(asked)],
  [/^GET \/datasets\/:dataset\/records\/:key$/, (asked) => records(asked, 'view', 'records')],
  [/^GET \/datasets\/:dataset\/content$/, (asked) => records(asked, 'create', 'content')],
  [/^GET \/datasets\/:dataset\/records$/, (asked) => lists(asked)],
  [/^GET \/(snapshots|exports)\/new$/, (asked) => previews(asked)],
  [
    /^GET \/find$/,
    ({ stage }) => [...stage.snapshots].map(([whose, id]) => ({ whose, path: `/find?id=${id}` })),
  ],
  [/^[A-Z]+ \/tokens\/:id/, (asked) => tokens(asked)],
  [/^DELETE \/me\/sessions\/:id$|^POST \/account\/sessions\/:id\/end$/, (asked) => sessions(asked)],
  [/^DELETE \/session$|^POST \/session\/end$/, (asked) => thisSession(asked)],
  [/^POST \/retention\/:dataset\/backups$/, (asked) => wholeMonths(asked)],
  // What is one's own and names nothing; both refuse an empty form.
  [/^PUT \/me\/password$|^POST \/account\/password$/, ({ route }) => [{ whose: 'own', path: route.url }]],
]

function captured({ route, who }: Asked, ids: Map<Records, string>, rest: Partial<Thing> = {}): Thing[] {
  const action = route.permission.split(':')[1]!
  return scopesFor(who).map((whose) => ({
    whose,
    path: filled(route.url, { id: ids.get(whose)! }),
    refusal: partyRefusal(who, whose, action),
    ...rest,
  }))
}

/** Whose records somebody is asked about. To others than members they are all alike; one member stands for their like. */
function scopesFor(who: Who): Records[] {
  if (roleOf(who) !== 'member') return ['another room']
  return who === 'owner' ? scopes : ['own room', 'another room']
}

function heldSnapshots(asked: Asked): Thing[] {
  return captured(asked, asked.stage.snapshots, { thwarted: 'SNAPSHOT_HELD' }).map(named)
}

/** Whoever may delete an export gets another one to delete. */
async function spareExports(asked: Asked): Promise<Thing[]> {
  const { stage, route, who } = asked
  const things = captured(asked, stage.exports).map(named)
  if (!rolesWith(route.permission).includes(roleOf(who) as Role)) return things
  const [free] = things.filter(({ refusal }) => refusal === undefined)
  if (free === undefined) return things
  const spare = filled(route.url, { id: await spareExport(stage, free.whose as Records) })
  return things.map((thing) => (thing === free ? { ...free, path: spare } : thing))
}

async function spareExport({ service, scopes: wanted }: Stage, whose: Records): Promise<string> {
  const { id } = await make(service, { ...wanted[whose], format: 'json', skipSnapshotCheck: true })
  return id
}

/** With the name that a page wants typed before it deletes. */
function named(thing: Thing): Thing {
  const confirmation = thing.whose === 'no rooms' ? 'chat' : 'deal-rooms'
  return thing.path.endsWith('/deletion') ? { ...thing, payload: { confirmation } } : thing
}

/** What somebody doesn't see in the list they can't choose there; what they see is refused one by one. */
async function chosen({ stage, route, who }: Asked): Promise<Thing[]> {
  const isSnapshots = route.url.startsWith('/snapshots')
  const things = scopesFor(who).map(async (whose) => {
    const hidden = partyRefusal(who, whose, 'list') && { status: 422, code: 'SELECTION_EMPTY' }
    const refusal = partyRefusal(who, whose, 'delete')
    const mayDelete = refusal === undefined && rolesWith(route.permission).includes(roleOf(who) as Role)
    const standing = (isSnapshots ? stage.snapshots : stage.exports).get(whose)!
    if (route.method !== 'POST') return { whose, path: `${route.url}?ids=${standing}`, refusal: hidden }
    const ids = mayDelete && !isSnapshots ? await spareExport(stage, whose) : standing
    const payload = { ids, confirmation: isSnapshots ? '1 snapshot' : '1 export' }
    const oneByOne =
      who === 'nobody' ? undefined : (refusal?.code ?? (isSnapshots ? 'SNAPSHOT_HELD' : undefined))
    return { whose, path: route.url, payload, refusal: hidden, ...(!hidden && oneByOne && { oneByOne }) }
  })
  return Promise.all(things)
}

function requested({ stage, route, who }: Asked): Thing[] {
  const isApi = route.url.startsWith('/api')
  return scopesFor(who).map((whose) => {
    const { dataset, scope } = stage.scopes[whose]
    const fields = 'keys' in scope ? { which: 'keys', keys: scope.keys.join('\n') } : { which: 'all' }
    const rest = route.url.endsWith('/snapshots') ? { reuseWithin: '365d' } : { format: 'csv' }
    const payload = { dataset, ...(isApi ? { scope } : fields), ...rest }
    return { whose, path: route.url, payload, refusal: partyRefusal(who, whose, 'create') }
  })
}

/** Single records, by the key in the path or in the query. */
function records({ stage, route, who }: Asked, action: string, part: 'records' | 'content'): Thing[] {
  return (['own room', 'another room', 'no rooms'] as const).map((whose) => {
    const { dataset, scope } = stage.scopes[whose]
    const [key] = (scope as { keys: (string | number)[] }).keys
    const path = filled(route.url, { dataset, key: String(key) })
    const query = part === 'content' ? `?format=json&key=${key}` : ''
    return { whose, path: path + query, refusal: partyRefusal(who, whose, action) }
  })
}

/** Lists show what is one's own, which may be nothing: what others wrote is looked for in every answer. */
function lists({ route }: Asked): Thing[] {
  return ['deal-rooms', 'chat'].map((dataset) => ({ whose: dataset, path: filled(route.url, { dataset }) }))
}

function previews({ stage, route, who }: Asked): Thing[] {
  return scopesFor(who).map((whose) => {
    const { dataset, scope } = stage.scopes[whose]
    const query = 'keys' in scope ? `&which=keys&keys=${scope.keys.join('%0A')}` : '&which=all'
    return { whose, path: `${route.url}?dataset=${dataset}${query}` }
  })
}

/** A member takes snapshots of their own records alone, and the page would show everybody's. */
function wholeMonths({ route, who }: Asked): Thing[] {
  const refusal = roleOf(who) === 'member' ? forbidden : undefined
  return [{ whose: 'all', path: filled(route.url, { dataset: 'chat' }), refusal }]
}

/** An admin sees all tokens, others those that they made: the rest isn't there for them. */
function tokens({ stage, route, who }: Asked): Thing[] {
  return ['admin', 'operator', 'another'].map((maker) => {
    const isHidden = who !== 'admin' && who !== maker
    return {
      whose: maker === who ? 'own' : `${maker}'s`,
      path: filled(route.url, { id: stage.tokens[maker]! }),
      refusal: isHidden ? { status: 404, code: 'TOKEN_NOT_FOUND' } : undefined,
    }
  })
}

/** Sessions are one's own or not there, for an admin too. */
async function sessions({ stage, route, who }: Asked): Promise<Thing[]> {
  const own = who === 'nobody' ? stage.session : await spareSession(stage, who)
  const hidden = { status: 404, code: 'SESSION_NOT_FOUND' } as const
  return [
    { whose: 'own', path: filled(route.url, { id: own }) },
    { whose: "another's", path: filled(route.url, { id: stage.session }), refusal: hidden },
  ]
}

async function spareSession({ service }: Pick<Stage, 'service'>, who: string): Promise<string> {
  const headers = await browse(service.app, who)
  const answer = await service.app.inject({ url: '/api/me/sessions', headers })
  return answer.json<{ items: { id: string; current: boolean }[] }>().items.find(({ current }) => current)!.id
}

async function thisSession({ stage, route, who }: Asked): Promise<Thing[]> {
  const headers = who === 'nobody' ? {} : await browse(stage.service.app, who)
  return [{ whose: 'own', path: route.url, headers }]
}

function filled(url: string, params: Record<string, string>): string {
  return url
    .replace('*', 'x')
    .replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? `no ${name}`))
}
