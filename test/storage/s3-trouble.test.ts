import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { S3Store } from '../../src/storage/s3-store.ts'
import { seeded } from '../../torture/random.ts'
import { keysOf, randomStream, read } from './conformance.ts'

const unreachable = { code: 'STORE_UNREACHABLE', status: 503 }
/** For what shall not be answered in time; others have the time that the service gives a server. */
const answerMs = 100
const longerMs = 500
const etag = { etag: '"c4ca4238a0b923820dcc509a6f75849b"' }
const html = '<!DOCTYPE html><html><body><h1>It works!</h1></body></html>'

t.test('a server that never answers', async (t) => {
  const store = await storeAt(t, () => {}, answerMs)
  const message = 's3://bucket: the server did not answer in time.'
  await Promise.all([
    t.rejects(store.get('key'), { ...unreachable, message }),
    t.rejects(store.head('key'), { ...unreachable, message }),
    t.rejects(store.delete('key'), { ...unreachable, message }),
    t.rejects(keysOf(store), { ...unreachable, message }),
    t.rejects(store.check(), { ...unreachable, message }),
    t.rejects(store.sweep(new Date()), { ...unreachable, message }),
    t.rejects(store.put('small', Buffer.from('x')), { ...unreachable, message }),
    t.rejects(store.put('large', randomStream(40_000_000).stream), { ...unreachable, message }),
  ])
})

t.test('a body that is cut short', async (t) => {
  const store = await storeAt(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '1000', 'last-modified': new Date().toUTCString() })
    response.write(Buffer.alloc(600), () => response.socket!.destroy())
  })
  const message = 's3://bucket: the connection broke off.'
  await t.rejects(read(store, 'key'), { ...unreachable, message })
})

t.test('a body that stalls', async (t) => {
  const stalling: Handler = (_request, response) => {
    response.writeHead(200, { ...etag, 'content-length': '1000' })
    response.write(Buffer.alloc(600))
  }
  const store = await storeAt(t, stalling, longerMs)
  await t.rejects(read(store, 'key'), { ...unreachable, message: /it sent nothing for 0.5 s/ })
})

t.test('a body without a length', async (t) => {
  const store = await storeAt(t, (_request, response) => void response.writeHead(200, etag).end('chunked'))
  await t.rejects(read(store, 'key'), unreachable)
})

t.test('a reader that takes its time gets all of it', async (t) => {
  const body = Buffer.alloc(5_000_000, 'x')
  const store = await storeAt(
    t,
    (_request, response) =>
      void response.writeHead(200, { ...etag, 'content-length': String(body.length) }).end(body),
    longerMs,
  )
  const reading = await store.get('key')
  let bytes = 0
  for await (const chunk of reading) {
    if (bytes === 0) await pass(3 * longerMs)
    bytes += (chunk as Buffer).length
  }
  t.equal(bytes, body.length)
})

t.test('a server that passes over ranges, or over their end', async (t) => {
  const whole = await storeAt(
    t,
    (_request, response) =>
      void response.writeHead(200, { ...etag, 'content-length': '10' }).end('0123456789'),
  )
  await t.rejects(whole.get('key', { start: 2, end: 3 }), unreachable)
  const toTheEnd = await storeAt(t, (_request, response) => {
    response
      .writeHead(206, { ...etag, 'content-range': 'bytes 2-9/10', 'content-length': '8' })
      .end('23456789')
  })
  await t.rejects(toTheEnd.get('key', { start: 2, end: 3 }), unreachable)
  t.equal(String(await buffer(await toTheEnd.get('key', { start: 2, end: 99 }))), '23456789')
})

t.test('something else than S3 answers', async (t) => {
  const page = await storeAt(t, (_request, response) => void answer(response, 200, html, 'text/html'))
  await t.rejects(keysOf(page), unreachable, 'a page is no empty listing')
  await t.rejects(page.sweep(new Date()), unreachable)
  const portal = await storeAt(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': String(html.length) }).end(html)
  })
  await t.rejects(portal.get('key'), unreachable, 'nor an object with other bytes')
  await t.rejects(page.head('key'), unreachable)
  await t.rejects(page.put('key', Buffer.from('x')), unreachable, 'nor a confirmation')
  const notFound = await storeAt(t, (_request, response) => void answer(response, 404, html, 'text/html'))
  await t.rejects(notFound.get('key'), unreachable, '404 of a web server is no missing object')
  await t.rejects(notFound.head('key'), unreachable)
  await t.rejects(notFound.delete('key'), unreachable)
  await t.rejects(keysOf(notFound), unreachable)
})

t.test('refusals', async (t) => {
  const refusals = [
    [403, 'AccessDenied', unreachable],
    [404, 'NoSuchBucket', unreachable],
    [429, 'TooManyRequests', unreachable],
    [500, 'InternalError', unreachable],
    [503, 'SlowDown', unreachable],
    [301, 'PermanentRedirect', unreachable],
    [400, 'ExpiredToken', unreachable],
    [403, 'InvalidAccessKeyId', unreachable],
    [403, 'SignatureDoesNotMatch', unreachable],
    [403, 'RequestTimeTooSkewed', unreachable],
    [400, 'BadDigest', unreachable],
    [507, 'XMinioStorageFull', { code: 'STORE_FULL', status: 507 }],
    [507, 'AnyCode', { code: 'STORE_FULL' }],
    [403, 'QuotaExceeded', { code: 'STORE_FULL' }],
  ] as const
  await Promise.all(
    refusals.map(async ([status, code, problem]) => {
      const store = await storeAt(t, (_request, response) => void answer(response, status, errorXml(code)))
      const put = t.rejects(store.put('key', Buffer.from('x')), problem, `put, ${code}`)
      if (problem !== unreachable) return put
      const message = `s3://bucket: the server answered ${status} ${code}.`
      return Promise.all([
        put,
        t.rejects(store.get('key'), { ...problem, message }, `get, ${code}`),
        t.rejects(store.head('key'), problem, `head, ${code}`),
        t.rejects(store.delete('key'), problem, `delete, ${code}`),
        t.rejects(keysOf(store), problem, `list, ${code}`),
      ])
    }),
  )
})

t.test('a server that answers 404 to the deletion of what is gone', async (t) => {
  const store = await storeAt(t, (_request, response) => void answer(response, 404, errorXml('NoSuchKey')))
  await store.delete('key')
})

t.test('a part that the server refuses ends the put and lets go of the body', async (t) => {
  const seen: string[] = []
  const store = await storeAt(t, (request, response) => {
    const step = stepOf(request)
    seen.push(step)
    if (step === 'part') answer(response, 500, errorXml('InternalError'))
    else if (step === 'abort') answer(response, 204, '')
    else
      answer(
        response,
        200,
        '<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>',
      )
  })
  const { stream } = randomStream(2_000_000_000)
  await t.rejects(store.put('key', stream), unreachable)
  t.ok(stream.destroyed)
  t.equal(seen[0], 'create')
  t.equal(seen.at(-1), 'abort')
})

t.test('what came in parts and is not put together is not stored', async (t) => {
  const created = '<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>'
  const ends = {
    'parts are missing': [400, errorXml('InvalidPart')],
    'an error behind a status that says all is well': [200, errorXml('InternalError')],
    'another page behind such a status': [200, html],
    'the answer breaks off': [200, '<CompleteMultipartUploadResult><Bucket>buck'],
  } as const
  for (const [name, [status, body]] of Object.entries(ends)) {
    const seen: string[] = []
    const store = await storeAt(t, (request, response) => {
      const step =
        request.method === 'POST' && request.url!.includes('uploadId') ? 'complete' : stepOf(request)
      seen.push(step)
      if (step === 'create') answer(response, 200, created)
      else if (step === 'part') response.writeHead(200, etag).end()
      else if (step === 'complete') answer(response, status, body)
      else answer(response, 204, '')
    })
    await t.rejects(store.put('key', randomStream(9_000_000).stream), unreachable, name)
    t.ok(seen.includes('complete'), name)
  }
})

t.test('pages of a list that repeat, lead nowhere or break off are no list', async (t) => {
  const entry =
    '<Contents><Key>a</Key><Size>1</Size><LastModified>2026-11-20T00:00:00Z</LastModified></Contents>'
  const page = (rest: string) => `<?xml version="1.0"?><ListBucketResult>${entry}${rest}</ListBucketResult>`
  const truncated = '<IsTruncated>true</IsTruncated>'
  const repeating = page(`${truncated}<NextContinuationToken>again</NextContinuationToken>`)
  const wrong = {
    'the same page again and again': repeating,
    'more is to come, but not where': page(truncated),
    'it breaks off': repeating.slice(0, -30),
    'nothing at all': '',
  }
  for (const [name, body] of Object.entries(wrong)) {
    const store = await storeAt(t, (_request, response) => void answer(response, 200, body))
    await t.rejects(keysOf(store), unreachable, name)
  }
  const uploads = `<ListMultipartUploadsResult>${truncated}<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker></ListMultipartUploadsResult>`
  const store = await storeAt(t, (_request, response) => void answer(response, 200, uploads))
  await t.rejects(store.sweep(new Date()), unreachable, 'the same uploads again and again')
})

t.test('a connection that is reset at any byte of an answer', async (t) => {
  const head = `HTTP/1.1 200 OK\r\netag: ${etag.etag}\r\nlast-modified: ${new Date().toUTCString()}\r\ncontent-length: 3000\r\n\r\n`
  const whole = Buffer.concat([Buffer.from(head), Buffer.alloc(3000, 'x')])
  const random = seeded(19)
  for (let i = 0; i < 24; i++) {
    const at = i < 12 ? random.below(head.length) : head.length + random.below(3000)
    const store = await storeAt(
      t,
      ({ socket }) => void socket.write(whole.subarray(0, at), () => socket.resetAndDestroy()),
    )
    await t.rejects(read(store, 'key'), unreachable, `after ${at} bytes`)
  }
})

t.test('a right body with a wrong status is none', async (t) => {
  for (const status of [203, 302, 404, 500, 503]) {
    const headers = { ...etag, 'content-length': '4', 'content-type': 'application/octet-stream' }
    const store = await storeAt(
      t,
      (_request, response) => void response.writeHead(status, headers).end('data'),
    )
    if (status === 203) t.equal(await read(store, 'key').then(String), 'data', 'one that a proxy handed on')
    else await t.rejects(read(store, 'key'), unreachable, String(status))
  }
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function storeAt(t: Test, handler: Handler, answerMs?: number): Promise<S3Store> {
  const server = createServer((request, response) => {
    request.resume()
    handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  return new S3Store({ bucket: 'bucket', prefix: '', endpoint, credentials, ...(answerMs && { answerMs }) })
}

function answer(response: ServerResponse, status: number, body: string, type = 'application/xml'): void {
  response.writeHead(status, { 'content-type': type }).end(body)
}

function errorXml(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`
}

function stepOf({ method, url }: IncomingMessage): string {
  if (method === 'DELETE') return 'abort'
  return url!.includes('uploads') ? 'create' : 'part'
}

/** Lets time pass, where time is what is tested. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
