import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { parse as parseDisposition } from 'content-disposition'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { ByteRange } from '../../src/platform/byte-ranges.ts'
import { downloadProblems, sendDownload, type Download } from '../../src/platform/downloads.ts'
import { storageProblems } from '../../src/storage/errors.ts'
import { testApp } from '../support/app.ts'

const plain = Buffer.from('{"records":[\n' + '{"id":1}\n'.repeat(1000) + ']}\n')
const stored = zstdCompressSync(plain)
const modifiedAt = new Date('2026-10-01T02:00:00.789Z')
const lastModified = 'Thu, 01 Oct 2026 02:00:00 GMT'

/** Streams that were opened, for looking at how they ended. */
let opened: Readable[] = []

const file: Download = {
  bytes: plain.length,
  open: async (range) => serve(plain, range),
  etag: 'abc123',
  filename: 'chat_2026-10.json',
  contentType: 'application/json',
  sha256: createHash('sha256').update(plain).digest('hex'),
  modifiedAt,
  encoding: { zstd: { bytes: stored.length, open: async (range) => serve(stored, range) } },
}
const { encoding: _encoding, ...uncompressed } = file

/** What a test serves under `/api/file` instead of `file`. */
let served: Download = file

const app = await testApp(t, {
  routes: async (app: FastifyInstance) => {
    app.addProblems(downloadProblems)
    app.get('/api/file', { config: { permission: 'public' } }, (request, reply) =>
      sendDownload(request, reply, served),
    )
  },
})
await app.listen({ host: '127.0.0.1', port: 0 })
t.beforeEach(() => {
  served = file
  opened = []
})

t.test('gives the whole file', async (t) => {
  const { status, headers, body } = await get()
  t.equal(status, 200)
  t.ok(body.equals(plain))
  t.match(headers, {
    'content-type': 'application/json',
    'content-length': String(plain.length),
    'content-disposition': 'attachment; filename=chat_2026-10.json',
    'accept-ranges': 'bytes',
    etag: '"abc123"',
    'last-modified': lastModified,
    'repr-digest': `sha-256=:${createHash('sha256').update(plain).digest('base64')}:`,
    vary: 'Accept-Encoding',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store, no-transform',
  })
  t.notOk(headers['content-encoding'])
  t.notOk(headers['content-range'])
})

t.test('HEAD says the same and opens nothing', async (t) => {
  for (const accepted of ['', 'zstd']) {
    const asked = { 'accept-encoding': accepted }
    const { headers } = await get(asked)
    opened = []
    const head = await get({ ...asked, range: 'bytes=0-1' }, 'HEAD')
    t.equal(head.status, 200, 'a range is for GET')
    t.equal(head.body.length, 0)
    t.same(withoutRequestFields(head.headers), withoutRequestFields(headers))
    t.same(opened, [])
  }
})

t.test('gives the stored bytes to those who prefer zstd', async (t) => {
  for (const accepted of ['zstd', 'ZSTD', 'zstd;q=1.0, gzip;q=0.5', 'gzip;q=0, zstd;q=0.1', '*;q=0, zstd']) {
    const { status, headers, body } = await get({ 'accept-encoding': accepted })
    t.equal(status, 200, accepted)
    t.ok(body.equals(stored))
    t.same(zstdDecompressSync(body), plain)
    t.match(headers, {
      'content-encoding': 'zstd',
      'content-length': String(stored.length),
      etag: '"abc123-zstd"',
      'unencoded-digest': `sha-256=:${createHash('sha256').update(plain).digest('base64')}:`,
      vary: 'Accept-Encoding',
    })
    t.notOk(headers['repr-digest'], 'would be of the compressed bytes')
  }
})

t.test('gives the file as it is to everybody else', async (t) => {
  const others = [
    'gzip, deflate, br, zstd',
    'identity',
    '*',
    'zstd;q=0',
    'zstd;q=0.5, identity',
    'zstd;q=x',
    'xzstd',
    '',
  ]
  for (const accepted of others) {
    const { headers, body } = await get({ 'accept-encoding': accepted })
    t.ok(body.equals(plain), accepted)
    t.notOk(headers['content-encoding'])
  }
  served = uncompressed
  const { headers, body } = await get({ 'accept-encoding': 'zstd' })
  t.ok(body.equals(plain), 'where there is nothing else')
  t.notOk(headers.vary)
})

t.test('gives one range', async (t) => {
  const last = plain.length - 1
  const cases: [string, number, number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    [`bytes=${last}-`, last, last],
    ['bytes=-5', last - 4, last],
    ['bytes=0-999999', 0, last],
  ]
  for (const [range, start, end] of cases) {
    const { status, headers, body } = await get({ range })
    t.equal(status, 206, range)
    t.same(body, plain.subarray(start, end + 1))
    t.equal(headers['content-range'], `bytes ${start}-${end}/${plain.length}`)
    t.equal(headers['content-length'], String(end - start + 1))
    t.equal(headers['repr-digest'], (await get()).headers['repr-digest'], 'of the whole')
  }
  const compressed = await get({ range: 'bytes=2-9', 'accept-encoding': 'zstd' })
  t.equal(compressed.status, 206)
  t.same(compressed.body, stored.subarray(2, 10), 'of the stored bytes')
  t.equal(compressed.headers['content-range'], `bytes 2-9/${stored.length}`)
})

t.test('gives the whole where a range cannot be read or there are several', async (t) => {
  for (const range of ['bytes=0-1,4-5', 'bytes=5-4', 'lines=1-2', 'nonsense']) {
    const { status, body } = await get({ range })
    t.equal(status, 200, range)
    t.ok(body.equals(plain))
  }
})

t.test('refuses a range outside the file', async (t) => {
  for (const range of [`bytes=${plain.length}-`, 'bytes=-0']) {
    const { status, headers, body } = await get({ range })
    t.equal(status, 416, range)
    t.equal(headers['content-range'], `bytes */${plain.length}`)
    t.match(JSON.parse(String(body)), { code: 'RANGE_NOT_SATISFIABLE', status: 416 })
    t.notOk(headers['content-disposition'], 'the answer is no download')
  }
  served = { ...uncompressed, bytes: 0, open: async () => serve(Buffer.alloc(0)) }
  t.equal((await get({ range: 'bytes=0-' })).status, 416)
  t.match(await get(), { status: 200, headers: { 'content-length': '0' } })
})

t.test('gives a range only of what the reader has a part of', async (t) => {
  const range = 'bytes=0-3'
  const statusOf = async (condition: string, accepted = '') =>
    (await get({ range, 'if-range': condition, 'accept-encoding': accepted })).status
  t.equal(await statusOf('"abc123"'), 206)
  t.equal(await statusOf(lastModified), 206)
  t.equal(await statusOf('"abc123-zstd"', 'zstd'), 206)
  t.equal(await statusOf('"abc123"', 'zstd'), 200, 'a part of the other representation')
  t.equal(await statusOf('"abc123-zstd"'), 200)
  t.equal(await statusOf('W/"abc123"'), 200, 'a weak tag')
  t.equal(await statusOf('"other"'), 200)
  t.equal(await statusOf('Thu, 01 Oct 2026 02:00:01 GMT'), 200)
})

t.test('answers 304 to those who have it', async (t) => {
  for (const tags of ['"abc123"', 'W/"abc123"', '"other", "abc123"', '*']) {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await get({ 'if-none-match': tags, range: 'bytes=0-1' }, method)
      t.equal(status, 304, `${method} ${tags}`)
      t.equal(body.length, 0)
      t.match(headers, { etag: '"abc123"', vary: 'Accept-Encoding', 'last-modified': lastModified })
    }
  }
  t.same(opened, [])
  t.equal((await get({ 'if-none-match': '"abc123"', 'accept-encoding': 'zstd' })).status, 200)
  t.equal((await get({ 'if-none-match': '"abc123-zstd"', 'accept-encoding': 'zstd' })).status, 304)
  t.equal((await get({ 'if-none-match': '"abc12"' })).status, 200)
  t.equal((await get({ 'if-modified-since': lastModified })).status, 304)
  t.equal((await get({ 'if-modified-since': 'Thu, 01 Oct 2026 01:59:59 GMT' })).status, 200)
  t.equal((await get({ 'if-modified-since': 'yesterday' })).status, 200)
  t.equal((await get({ 'if-modified-since': lastModified, 'if-none-match': '"other"' })).status, 200)
})

t.test('names the file in any script, and in nothing but its header', async (t) => {
  const names: Record<string, string> = {
    'größe 📦 文件.json': 'größe 📦 文件.json',
    'say "hi"; x=y.json': 'say "hi"; x=y.json',
    'a%20b.json': 'a%20b.json',
    'a\r\nSet-Cookie: x=y\0.json': 'a__Set-Cookie: x=y_.json',
    '../../etc/passwd': '.._.._etc_passwd',
    'C:\\file.json': 'C:_file.json',
    'gnp\u202ejson.exe': 'gnp_json.exe',
    'lone \ud800.json': 'lone \ufffd.json',
  }
  for (const [filename, expected] of Object.entries(names)) {
    served = { ...file, filename }
    const { status, headers } = await get()
    t.equal(status, 200)
    t.notOk(headers['set-cookie'])
    t.equal(parseDisposition(headers['content-disposition']!).parameters['filename'], expected)
  }
})

t.test('adds to what the answer varies by already', async (t) => {
  const hook = await testAppWithVary()
  t.teardown(() => hook.close())
  t.equal((await hook.inject('/file')).headers['vary'], 'Cookie, Accept-Encoding')
})

t.test('a file that cannot be opened is a problem, not a download', async (t) => {
  served = {
    ...file,
    open: async () => {
      throw storageProblems.STORE_UNREACHABLE('The store is down.')
    },
  }
  const { status, headers, body } = await get()
  t.equal(status, 503)
  t.equal(JSON.parse(String(body)).code, 'STORE_UNREACHABLE')
  for (const name of ['content-disposition', 'etag', 'repr-digest', 'content-range'])
    t.notOk(headers[name], name)
})

t.test('a file that breaks off never looks whole', async (t) => {
  const half = plain.subarray(0, 100)
  const failing = async function* () {
    yield half
    throw storageProblems.STORE_UNREACHABLE('The store went away.')
  }
  for (const source of [() => Readable.from([half]), () => Readable.from(failing())]) {
    served = { ...file, open: async () => source() }
    await t.rejects(get(), { code: 'ECONNRESET' })
  }
})

t.test('a reader who goes away lets go of the stream', async (t) => {
  served = { ...file, bytes: 1e12, open: async () => keep(Readable.from(endless())) }
  const response = await ask()
  await once(response, 'data')
  response.destroy()
  await closed(opened[0]!)
  t.ok(opened[0]!.destroyed)
})

t.test('a reader who goes away before the stream opens lets go of it', async (t) => {
  const asked = Promise.withResolvers<void>()
  const goneAway = Promise.withResolvers<void>()
  const open = async () => {
    asked.resolve()
    await goneAway.promise
    return keep(Readable.from(endless()))
  }
  served = { ...file, bytes: 1e12, open }
  app.server.once('request', (incoming: IncomingMessage) => incoming.socket.once('close', goneAway.resolve))
  const client = request(address())
  client.on('error', () => {})
  client.end()
  await asked.promise
  client.destroy()
  await goneAway.promise
  await new Promise(setImmediate)
  await closed(opened[0]!)
  t.ok(opened[0]!.destroyed)
})

function serve(bytes: Buffer, range: ByteRange = { start: 0, end: bytes.length - 1 }): Readable {
  return keep(Readable.from([bytes.subarray(range.start, range.end + 1)]))
}

function keep(stream: Readable): Readable {
  opened.push(stream)
  return stream
}

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536)
}

async function closed(stream: Readable): Promise<void> {
  if (!stream.closed) await once(stream, 'close')
}

function address(): string {
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/file`
}

async function ask(headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> {
  const client = request(address(), { method, headers })
  client.end()
  const [response] = (await once(client, 'response')) as [IncomingMessage]
  return response
}

interface Answer {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: Buffer
}

async function get(headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const response = await ask(headers, method)
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

function withoutRequestFields({ date: _date, 'x-request-id': _id, ...headers }: IncomingHttpHeaders) {
  return headers
}

async function testAppWithVary(): Promise<FastifyInstance> {
  const { fastify } = await import('fastify')
  const bare = fastify()
  bare.get('/file', (request, reply) => sendDownload(request, reply.header('vary', 'Cookie'), file))
  return bare
}
