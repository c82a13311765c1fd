import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import Type from 'typebox'
import { expectMatch } from '../../src/platform/conditional.ts'
import { testApp } from '../support/app.ts'

const Thing = Type.Object({ id: Type.String(), size: Type.Integer() })

async function routes(app: FastifyInstance) {
  const thing = { size: 1, id: 'a', secret: 'not in the schema' }
  const schema = { response: { 200: Thing } }
  app.get('/api/thing', { config: { permission: 'public' }, schema }, async () => thing)
  app.patch(
    '/api/thing',
    { config: { permission: 'public', ifMatch: true }, schema },
    async (request, reply) => {
      expectMatch(request, reply, thing)
      thing.size += 1
      return thing
    },
  )
  app.post('/api/thing', { config: { permission: 'public' } }, async () => thing)
  let reads = 0
  const chunks = Readable.from.bind(
    Readable,
    (function* () {
      for (;;) {
        reads += 1
        yield 'x'.repeat(65_536)
      }
    })(),
  )
  app.get('/api/content', { config: { permission: 'public' } }, async (_request, reply) =>
    reply.header('content-length', 12_345).send(chunks()),
  )
  app.get('/api/reads', { config: { permission: 'public' } }, async () => ({ reads }))
}

const app = await testApp(t, { routes })

t.test('a resource has an ETag and is not sent again to who has it', async (t) => {
  const first = await app.inject('/api/thing')
  const etag = String(first.headers.etag)
  t.match(etag, /^"[\w-]{27}"$/)
  for (const header of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
    const again = await app.inject({ url: '/api/thing', headers: { 'if-none-match': header } })
    t.equal(again.statusCode, 304, header)
    t.equal(again.body, '')
    t.equal(again.headers.etag, etag)
    t.equal(again.headers['content-type'], undefined)
    t.equal(again.headers['content-length'], undefined)
  }
  const other = await app.inject({ url: '/api/thing', headers: { 'if-none-match': '"other"' } })
  t.equal(other.statusCode, 200)
})

t.test('If-Match lets only the version through that was seen', async (t) => {
  const etag = String((await app.inject('/api/thing')).headers.etag)
  const patch = (ifMatch: string) =>
    app.inject({ method: 'PATCH', url: '/api/thing', headers: { 'if-match': ifMatch } })
  t.same((await patch(`"x", ${etag}`)).json(), { id: 'a', size: 2 })
  const stale = await patch(etag)
  t.equal(stale.statusCode, 412)
  t.equal(stale.json().code, 'PRECONDITION_FAILED')
  t.equal((await patch(`W/${etag}`)).statusCode, 412, 'a weak tag never matches')
  t.equal((await patch('*')).statusCode, 200)
  const unsupported = await app.inject({ method: 'POST', url: '/api/thing', headers: { 'if-match': etag } })
  t.equal(unsupported.json().code, 'PRECONDITION_UNSUPPORTED')
})

t.test('HEAD answers as GET does, and reads no stream', async (t) => {
  const get = await app.inject('/api/thing')
  const head = await app.inject({ method: 'HEAD', url: '/api/thing' })
  t.equal(head.body, '')
  for (const name of ['etag', 'content-length', 'content-type'])
    t.equal(head.headers[name], get.headers[name])
  const known = await app.inject({
    method: 'HEAD',
    url: '/api/thing',
    headers: { 'if-none-match': String(get.headers.etag) },
  })
  t.equal(known.statusCode, 304)
  const content = await app.inject({ method: 'HEAD', url: '/api/content' })
  t.equal(content.headers['content-length'], '12345')
  t.ok((await app.inject('/api/reads')).json().reads <= 1)
})
