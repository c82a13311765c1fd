import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import Type from 'typebox'
import { form } from '../../src/platform/validation.ts'
import { testApp } from '../support/app.ts'

const strict = { additionalProperties: false }
const Scope = Type.Union([
  Type.Object({ all: Type.Literal(true) }, strict),
  Type.Object({ month: Type.String({ pattern: '^\\d{4}-\\d\\d$' }) }, strict),
])
const Body = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    size: Type.Optional(Type.Integer()),
    kind: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
    scope: Type.Optional(Scope),
    note: Type.Optional(Type.Union([Type.String({ maxLength: 3 }), Type.Null()])),
    at: Type.Optional(Type.String({ format: 'date-time' })),
    'a/b~c': Type.Optional(Type.Boolean()),
    list: Type.Optional(Type.Array(Type.Integer())),
    anything: Type.Optional(Type.Unknown()),
  },
  strict,
)
const Id = Type.Object({ id: Type.String({ format: 'uuid' }) })

async function routes(app: FastifyInstance) {
  const config = { permission: 'public' as const }
  const large = { config, bodyLimit: 1_048_576 }
  const Query = Type.Object(
    { limit: Type.Optional(Type.Integer({ maximum: 200 })), q: Type.Optional(Type.String()) },
    strict,
  )
  app.get('/api/things', { config, schema: { querystring: Query } }, async (request) => request.query)
  app.post('/api/things', { ...large, schema: { body: Body } }, async (request) => request.body)
  app.get('/api/things/:id', { config, schema: { params: Id } }, async (request) => request.params)
  app.post(
    '/api/things/:id/runs',
    { config, schema: { params: Id, querystring: Query, body: Body } },
    async () => ({}),
  )
  app.post('/api/things/:id/cancellation', { config, schema: { params: Id } }, async () => ({
    cancelled: true,
  }))
  app.delete('/api/things/:id', { config, schema: { params: Id } }, async () => ({ deleted: true }))
  const Form = Type.Object({ name: Type.String(), size: Type.Integer() }, { ...strict, ...form })
  app.post(
    '/things',
    { config, schema: { body: Form, hide: true } as object },
    async (request) => request.body,
  )
  app.post('/api/strangers', { config, schema: { body: Body } }, async (request) => request.body)
}

const app = await testApp(t, { routes })

const id = '01912345-6789-7abc-8def-0123456789ab'
const json = { 'content-type': 'application/json' }
const post = (payload: string | Buffer, url = '/api/things', headers = {}): InjectOptions => ({
  method: 'POST',
  url,
  headers: { ...json, ...headers },
  payload,
})

t.test('what is wrong is refused, with a problem that says what and where', async (t) => {
  const refused: [string, string | InjectOptions, number, string, object?][] = [
    ['an unknown address', '/api/nothing', 404, 'NOT_FOUND'],
    ['an unknown query parameter', '/api/things?x=1', 400, 'VALIDATION_FAILED', [{ pointer: 'query:x' }]],
    [
      'one on a route without any',
      `/api/things/${id}?x=1`,
      400,
      'VALIDATION_FAILED',
      [{ pointer: 'query:x' }],
    ],
    [
      'a parameter given twice',
      '/api/things?limit=1&limit=2',
      400,
      'VALIDATION_FAILED',
      [{ pointer: 'query:limit', detail: 'must be integer, and given once' }],
    ],
    [
      'a text parameter given twice',
      '/api/things?q=1&q=2',
      400,
      'VALIDATION_FAILED',
      [{ pointer: 'query:q' }],
    ],
    [
      'a number that is none',
      '/api/things?limit=ten',
      400,
      'VALIDATION_FAILED',
      [{ pointer: 'query:limit', detail: 'must be integer' }],
    ],
    ['a prototype in the query', '/api/things?__proto__=1', 400, 'VALIDATION_FAILED'],
    ['NUL in the query', '/api/things?q=a%00', 400, 'VALIDATION_FAILED', [{ pointer: 'query:q' }]],
    ['a query that is not UTF-8', '/api/things?q=%ff', 400, 'VALIDATION_FAILED', [{ pointer: 'query:' }]],
    ['bad percent-encoding', '/api/things/%zz', 400, 'ADDRESS_MALFORMED'],
    [
      'an id that is none',
      '/api/things/1',
      400,
      'VALIDATION_FAILED',
      [{ pointer: 'path:id', detail: 'must be a valid uuid' }],
    ],
    ['a urn instead of a UUID', `/api/things/urn:uuid:${id}`, 400, 'VALIDATION_FAILED'],
    ['path traversal in an id', '/api/things/..%2f..%2fetc%2fpasswd', 400, 'VALIDATION_FAILED'],
    ['NUL in an id', '/api/things/%00', 400, 'VALIDATION_FAILED', [{ pointer: 'path:id' }]],
    ['an overlong id', `/api/things/${'a'.repeat(300)}`, 414, 'ADDRESS_TOO_LONG'],
    ['malformed JSON', post('{"name": "a",}'), 400, 'BODY_MALFORMED'],
    [
      'JSON that is no object',
      post('"text"'),
      400,
      'VALIDATION_FAILED',
      [{ pointer: '', detail: 'must be object' }],
    ],
    [
      'no body',
      { method: 'POST', url: '/api/things' },
      400,
      'VALIDATION_FAILED',
      [{ pointer: '', detail: 'a body is required' }],
    ],
    ['an empty body', post(''), 400, 'VALIDATION_FAILED'],
    [
      'a body where none is taken',
      post('{"x":1}', `/api/things/${id}/cancellation`),
      400,
      'VALIDATION_FAILED',
      [{ pointer: '' }],
    ],
    ['bytes that are not UTF-8', post(Buffer.from('{"name":"\xff"}', 'latin1')), 400, 'BODY_MALFORMED'],
    ['deep JSON', post(`{"anything":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 400, 'BODY_MALFORMED'],
    [
      '__proto__',
      post('{"name":"a","anything":{"__proto__":{"admin":true}}}'),
      400,
      'BODY_MALFORMED',
      [{ pointer: '/anything/__proto__' }],
    ],
    ['an escaped __proto__', post('{"name":"a","\\u005f_proto__":{}}'), 400, 'BODY_MALFORMED'],
    [
      'constructor.prototype',
      post('{"name":"a","anything":[{"constructor":{"prototype":{}}}]}'),
      400,
      'BODY_MALFORMED',
      [{ pointer: '/anything/0/constructor' }],
    ],
    ['NUL in a text', post('{"name":"a\\u0000"}'), 400, 'BODY_MALFORMED', [{ pointer: '/name' }]],
    ['half a surrogate pair', post('{"name":"\\ud800"}'), 400, 'BODY_MALFORMED', [{ pointer: '/name' }]],
    ['a huge body', post(`{"name":"${'a'.repeat(1_048_576)}"}`), 413, 'BODY_TOO_LARGE'],
    [
      'more than a stranger may say',
      post(`{"name":"${'a'.repeat(16_384)}"}`, '/api/strangers'),
      413,
      'BODY_TOO_LARGE',
    ],
    ['a body for what is not there', post('{', '/api/nothing'), 404, 'NOT_FOUND'],
    [
      'no JSON',
      post('name=a', '/api/things', { 'content-type': 'text/plain' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'a form',
      post('name=a', '/api/things', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'a content type that is none',
      post('{}', '/api/things', { 'content-type': 'json' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'another charset',
      post('{}', '/api/things', { 'content-type': 'application/json; charset=latin1' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'a compressed body',
      post('{}', '/api/things', { 'content-encoding': 'gzip' }),
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'NUL in a form',
      post('name=a%00&size=1', '/things', { 'content-type': 'application/x-www-form-urlencoded' }),
      400,
      'VALIDATION_FAILED',
      [{ pointer: '/name' }],
    ],
    ['another method', { method: 'PUT', url: '/api/things' }, 405, 'METHOD_NOT_ALLOWED'],
    ['a method that few know', { method: 'OPTIONS', url: `/api/things/${id}` }, 405, 'METHOD_NOT_ALLOWED'],
  ]
  for (const [what, request, status, code, errors] of refused) {
    const answer = await app.inject(request)
    const problem = answer.json()
    t.equal(answer.statusCode, status, what)
    t.equal(problem.code, code, what)
    t.match(String(answer.headers['content-type']), /^application\/problem\+json/, what)
    t.match(
      problem,
      {
        type: `/problems/${code}`,
        status,
        title: String,
        detail: String,
        requestId: answer.headers['x-request-id'],
      },
      what,
    )
    if (errors) t.match(problem.errors, errors, what)
  }
})

t.test('what is right passes, and nothing is converted in bodies', async (t) => {
  t.same((await app.inject('/api/things?limit=10&q=%F0%9F%98%80')).json(), { limit: 10, q: '😀' })
  t.same(
    (
      await app.inject(
        post('\ufeff{"name":"😀"}', '/api/things', { 'content-type': 'application/json; charset=UTF-8' }),
      )
    ).json(),
    { name: '😀' },
  )
  t.same(
    (await app.inject(post('{"name":"a","anything":{"constructor":"Bob","__proto":1}}'))).json().anything
      .constructor,
    'Bob',
  )
  for (const payload of ['', '{}'])
    t.same((await app.inject(post(payload, `/api/things/${id}/cancellation`))).json(), { cancelled: true })
  t.same((await app.inject({ method: 'DELETE', url: `/api/things/${id}` })).json(), { deleted: true })
  t.same(
    (
      await app.inject(
        post('name=a&size=1', '/things', { 'content-type': 'application/x-www-form-urlencoded' }),
      )
    ).json(),
    { name: 'a', size: 1 },
  )
})

t.test('all that is wrong is told at once, in every part of the request', async (t) => {
  const body = {
    size: '1',
    kind: 'c',
    scope: { month: 'May' },
    note: 'long',
    at: '2026-02-30T00:00:00Z',
    'a/b~c': null,
    list: [1, 'x', null],
    other: 1,
  }
  const answer = await app.inject(post(JSON.stringify(body), '/api/things/1/runs?limit=x&y=1'))
  t.same(
    answer
      .json()
      .errors.sort((a: { pointer: string }, b: { pointer: string }) => (a.pointer < b.pointer ? -1 : 1)),
    [
      { pointer: '/at', detail: 'must be a valid date-time' },
      { pointer: '/a~1b~0c', detail: 'must be boolean' },
      { pointer: '/kind', detail: 'must be "a" or "b"' },
      { pointer: '/list/1', detail: 'must be integer' },
      { pointer: '/list/2', detail: 'must be integer' },
      { pointer: '/name', detail: 'is required' },
      { pointer: '/note', detail: 'must NOT have more than 3 characters' },
      { pointer: '/other', detail: 'is not a known field' },
      { pointer: '/scope/month', detail: 'does not have the right form' },
      { pointer: '/size', detail: 'must be integer' },
      { pointer: 'path:id', detail: 'must be a valid uuid' },
      { pointer: 'query:limit', detail: 'must be integer' },
      { pointer: 'query:y', detail: 'is not a known field' },
    ],
  )
})

const errors = async (scope: unknown) =>
  (await app.inject(post(JSON.stringify({ name: 'a', scope })))).json().errors

t.test('a value of the wrong form is told which forms there are', async (t) => {
  t.same(await errors({}), [{ pointer: '/scope', detail: 'must be { all } or { month }' }])
  t.same(await errors('x'), [{ pointer: '/scope', detail: 'must be { all } or { month }' }])
  t.same(await errors({ all: true, x: 1 }), [{ pointer: '/scope/x', detail: 'is not a known field' }])
})

t.test('a million things wrong give a short answer in a short time', async (t) => {
  const start = performance.now()
  const answer = await app.inject(post(`{"name":"a","list":[${'"",'.repeat(340_000)}""]}`))
  t.ok(performance.now() - start < 2000, `${performance.now() - start} ms`)
  t.equal(answer.json().errors.length, 101)
  t.same(answer.json().errors.at(-1), { pointer: '', detail: 'and 339901 more' })
})

const status = async (at: string) => (await app.inject(post(JSON.stringify({ name: 'a', at })))).statusCode

t.test('times and days are those that exist', async (t) => {
  for (const at of ['2026-11-20T10:00:00Z', '2024-02-29T23:59:59.123456789+14:00', '0001-01-01T00:00:00Z'])
    t.equal(await status(at), 200, at)
  for (const at of [
    '2026-02-29T00:00:00Z',
    '2026-11-20T23:59:60Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20 10:00:00Z',
    '2026-11-20T10:00:00',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '2026-11-20T10:00:00+99:99',
  ])
    t.equal(await status(at), 400, at)
})

const allow = async (url: string) => (await app.inject({ method: 'PATCH', url })).headers.allow

t.test('an address tells which methods it takes', async (t) => {
  t.equal(await allow('/api/things'), 'GET, HEAD, POST')
  t.equal(await allow(`/api/things/${id}`), 'DELETE, GET, HEAD')
  t.equal(await allow('/api/thingsx'), undefined)
})

const ask = async (given?: string) =>
  (
    await app.inject({ url: '/api/nothing', headers: given === undefined ? {} : { 'x-request-id': given } })
  ).json().requestId as string

t.test('a request keeps the id that it came with, when it is a plain one', async (t) => {
  t.equal(await ask('edge-1.2_3'), 'edge-1.2_3')
  for (const odd of [undefined, '', 'a b', 'a"b', 'é', 'x'.repeat(65)])
    t.match(await ask(odd), /^[\da-f]{8}-[\da-f]{4}-7/)
})
