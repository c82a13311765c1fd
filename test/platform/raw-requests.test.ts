import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import stalledReaders from '../../src/platform/stalled-readers.ts'
import { testApp } from '../support/app.ts'
import { readRaw, sendRaw } from '../support/raw-http.ts'

const app = await testApp(t, {
  routes: async (app) => {
    app.post('/api/things', { config: { permission: 'public' } }, async () => ({}))
  },
})
await app.listen({ port: 0 })

const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: x', 'connection: close', ...headers, '', ''].join('\r\n')
const post = (...lines: string[]) => ['POST /api/things HTTP/1.1', 'host: x', ...lines].join('\r\n')

const chunked = (...lines: string[]) =>
  post('content-type: application/json', 'transfer-encoding: chunked', '', ...lines, '', '')

t.test('what is no proper HTTP gets a problem on the socket', async (t) => {
  const garbage: [string, string | Buffer, number, string][] = [
    ['noise', 'garbage\r\n\r\n', 400, 'NOT_HTTP'],
    ['bytes', Buffer.from([0, 255, 13, 10, 13, 10]), 400, 'NOT_HTTP'],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), 400, 'NOT_HTTP'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'NOT_HTTP'],
    ['a header without a name', get('/healthz', ': x'), 400, 'NOT_HTTP'],
    ['NUL in a header', get('/healthz', 'x: a\0b'), 400, 'NOT_HTTP'],
    ['two lengths', post('content-length: 1', 'content-length: 2', '', 'x'), 400, 'NOT_HTTP'],
    ['a negative length', post('content-length: -1', '', ''), 400, 'NOT_HTTP'],
    [
      'a length and chunks',
      post('content-length: 3', 'transfer-encoding: chunked', '', '0', '', ''),
      400,
      'NOT_HTTP',
    ],
    [
      'a chunk of no size',
      post('content-type: application/json', 'transfer-encoding: chunked', '', 'zz', '', ''),
      400,
      'NOT_HTTP',
    ],
    ['a large header', get('/healthz', `x: ${'a'.repeat(20_000)}`), 431, 'HEADERS_TOO_LARGE'],
    ['a long address', get(`/${'a'.repeat(20_000)}`), 431, 'HEADERS_TOO_LARGE'],
    ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['an odd expectation', get('/healthz', 'expect: a miracle'), 417, 'EXPECTATION_FAILED'],
    ['a broken address', get('/api/%c3%28'), 400, 'ADDRESS_MALFORMED'],
    ['two lengths, alike', post('content-length: 1', 'content-length: 1', '', 'x'), 400, 'NOT_HTTP'],
    ['chunks named twice', post('transfer-encoding: chunked, chunked', '', '0', '', ''), 400, 'NOT_HTTP'],
    [
      'chunks in other words',
      post('content-length: 3', 'transfer-encoding:\tchunked', '', '0', '', ''),
      400,
      'NOT_HTTP',
    ],
    ['a space before the colon', get('/healthz', 'x : a'), 400, 'NOT_HTTP'],
    ['a line that goes on', get('/healthz', 'x: a', ' b'), 400, 'NOT_HTTP'],
    ['lines that end with a line feed', get('/healthz').replaceAll('\r\n', '\n'), 400, 'NOT_HTTP'],
    ['NUL in the address', get('/healthz\0'), 400, 'NOT_HTTP'],
    ['NUL in the method', get('/healthz').replace('GET', 'GE\0T'), 400, 'NOT_HTTP'],
    ['HTTP/0.9', 'GET /healthz\r\n\r\n', 400, 'NOT_HTTP'],
    ['a header of 100 kB', get('/healthz', `x: ${'a'.repeat(100_000)}`), 431, 'HEADERS_TOO_LARGE'],
    [
      'ten thousand headers',
      get('/healthz', ...Array<string>(10_000).fill('x: a')),
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['a size beyond all numbers', chunked('fffffffffffffffff', 'x'), 400, 'NOT_HTTP'],
    ['a negative size', chunked('-1', 'x'), 400, 'NOT_HTTP'],
    ['a chunk that is longer than its size', chunked('1', '{}{}'), 400, 'NOT_HTTP'],
    ['an unknown method', get('/healthz').replace('GET', 'PROPFIND'), 405, 'METHOD_NOT_ALLOWED'],
    ['a method for proxies', get('/healthz').replace('GET', 'TRACE'), 405, 'METHOD_NOT_ALLOWED'],
  ]
  for (const [what, bytes, status, code] of garbage) {
    const answer = readRaw(await sendRaw(app, bytes))
    t.match(
      answer,
      { status, type: /^application\/problem\+json/, problem: { status, code, type: `/problems/${code}` } },
      what,
    )
  }
  t.equal((await app.inject('/healthz')).statusCode, 200)
})

t.test('odd but proper requests are served', async (t) => {
  for (const bytes of [
    get('http://elsewhere/healthz'),
    get('/healthz').replace('1.1', '1.0'),
    get('/healthz', 'expect: 100-continue'),
  ])
    t.match(await sendRaw(app, bytes), /HTTP\/1\.1 200 OK/)
  const two = get('/healthz').replace('connection: close\r\n', '') + get('/readyz')
  t.equal((await sendRaw(app, two)).match(/HTTP\/1\.1 200 OK/g)?.length, 2, 'pipelined')
})

t.test('nobody is led to another protocol', async (t) => {
  for (const protocol of ['websocket', 'h2c']) {
    const upgrade = ['connection: upgrade, close', `upgrade: ${protocol}`]
    const answer = await sendRaw(app, get('/healthz', ...upgrade).replace('connection: close\r\n', ''))
    t.match(answer, /^HTTP\/1\.1 200 OK/, protocol)
  }
})

t.test('whoever sends no more still gets the answer', async (t) => {
  const { port } = app.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(get('/healthz'))
  t.match(await text(socket), /^HTTP\/1\.1 200 OK/)
  const broken = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  broken.end(post('content-type: application/json', 'content-length: 10', '', '{'))
  t.match(await text(broken), /^HTTP\/1\.1 400/)
})

t.test('a flood of all that holds nothing up and leaves nothing behind', async (t) => {
  const lag = monitorEventLoopDelay({ resolution: 10 })
  const before = process.memoryUsage.rss()
  lag.enable()
  const floods = [
    get('/healthz', `x: ${'a'.repeat(100_000)}`),
    get('/healthz', ...Array<string>(10_000).fill('x: a')),
    get('/healthz').replace('connection: close\r\n', '').repeat(200) + get('/healthz'),
    chunked(...'1{'.repeat(2000)),
    'GET /healthz HTTP/1.1\r\n'.repeat(5000),
  ]
  for (let round = 0; round < 10; round++)
    await Promise.all(floods.flatMap((bytes) => Array.from({ length: 4 }, () => sendRaw(app, bytes))))
  lag.disable()
  const grownBytes = process.memoryUsage.rss() - before
  t.ok(lag.max < 5e9, `the event loop was held up for at most ${Math.round(lag.max / 1e6)} ms`)
  t.ok(grownBytes < 300_000_000, `memory grew by ${Math.round(grownBytes / 1e6)} MB`)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('a body that is announced too large is refused before it is sent', async (t) => {
  const announced = post(
    'content-type: application/json',
    'content-length: 99999999',
    'connection: close',
    '',
    '',
  )
  t.match(readRaw(await sendRaw(app, announced)), { status: 413, problem: { code: 'BODY_TOO_LARGE' } })
})

t.test('who sends too slowly is let go', async (t) => {
  const { headersTimeout, requestTimeout } = app.server
  t.same([headersTimeout, requestTimeout], [10_000, 30_000])
  app.server.headersTimeout = app.server.requestTimeout = 300
  t.teardown(() => Object.assign(app.server, { headersTimeout, requestTimeout }))
  const slow = [
    get('/healthz').slice(0, 30),
    post('content-type: application/json', 'content-length: 10', '', '{'),
  ]
  for (const answer of await Promise.all(slow.map((bytes) => sendRaw(app, bytes))))
    t.match(readRaw(answer), { status: 408, problem: { code: 'REQUEST_TIMEOUT' } })
})

t.test('who asks for a stream and takes nothing of it is let go', async (t) => {
  const small: FastifyInstance = fastify()
  t.teardown(() => small.close())
  await small.register(stalledReaders, { patienceMs: 200 })
  const closed = Promise.withResolvers<void>()
  small.get('/endless', (_request, reply) => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536)
      })(),
    )
    return reply.send(endless.on('close', () => closed.resolve()))
  })
  small.get('/quick', async () => 'quick')
  await small.listen({ port: 0 })
  const socket = connect((small.server.address() as AddressInfo).port, '127.0.0.1')
  socket.pause().write('GET /endless HTTP/1.1\r\nhost: x\r\n\r\n')
  await closed.promise
  socket.on('error', () => {}).resume()
  await once(socket, 'close')
  t.equal((await small.inject('/quick')).body, 'quick')
})
