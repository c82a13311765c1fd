import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Store } from '../../src/storage/store.ts'

/** What the suite needs of a kind of store. */
export interface Ground {
  /** A store without objects, of its own for each test; lists at most this many keys per request. */
  emptyStore(t: Test, pageSize?: number): Promise<Store>
  /** A store of this kind that isn't there. */
  lostStores(t: Test): Promise<Record<string, Store>>
}

const MB = 1_000_000

/** What every kind of store keeps (src/storage/store.ts). One test per promise. */
export function conformance(t: Test, { emptyStore, lostStores }: Ground): void {
  t.test('gives back what was put, of any size', async (t) => {
    const store = await emptyStore(t)
    const bodies = { nothing: Buffer.alloc(0), byte: Buffer.from([0]), text: Buffer.from('größe 📦\r\n\0') }
    for (const [key, body] of Object.entries(bodies)) {
      t.equal(await store.put(key, body), body.length, `${key} as a buffer`)
      t.same(await read(store, key), body)
      t.equal(await store.put(key, Readable.from([body])), body.length, `${key} as a stream`)
      t.same(await read(store, key), body)
      t.match(await store.head(key), { key, bytes: body.length, modifiedAt: Date })
    }
    t.same(await keysOf(store), ['byte', 'nothing', 'text'])
  })

  t.test('gives back a large stream', async (t) => {
    const store = await emptyStore(t)
    const { stream, digest } = randomStream(40 * MB)
    t.equal(await store.put('large', stream), 40 * MB)
    t.equal((await store.head('large'))?.bytes, 40 * MB)
    t.equal(await digestOf(await store.get('large')), digest())
  })

  t.test('holds its memory flat on a stream of any length', async (t) => {
    const store = await emptyStore(t)
    await store.put('warm', randomStream(40 * MB).stream)
    await digestOf(await store.get('warm'))
    const before = process.memoryUsage().rss
    const { stream, digest } = randomStream(200 * MB)
    const peak = watchMemory()
    await store.put('long', stream)
    t.equal(await digestOf(await store.get('long')), digest())
    const growth = (peak() - before) / MB
    t.ok(growth < 120, `grew by ${growth.toFixed()} MB on 200 MB`)
  })

  t.test('takes unicode, punctuation and long names in keys', async (t) => {
    const store = await emptyStore(t)
    const keys = [
      'backups/2026-10/chat_(month)_10:00:00Z.json.zst',
      'Ünïcödé/文件/📦 box.txt',
      'e\u0301 and \u00e9',
      'a+b & c=d?e#f%20g%2Fh',
      `quotes "'<>\`!@$^*{}[]|;,~`,
      '...',
      '.hidden/..two',
      `${'n'.repeat(200)}/${'m'.repeat(200)}/${'k'.repeat(200)}`,
      `${'ю'.repeat(100)}/${'日'.repeat(60)}`,
    ]
    for (const key of keys) await store.put(key, Buffer.from(key))
    for (const key of keys) t.same(await read(store, key), Buffer.from(key), key)
    t.same(await keysOf(store), inByteOrder(keys))
    for (const key of keys) await store.delete(key)
    t.same(await keysOf(store), [])
  })

  t.test('replaces an object as a whole', async (t) => {
    const store = await emptyStore(t)
    await store.put('key', Buffer.from('a longer body'))
    await store.put('key', Buffer.from('short'))
    t.same(await read(store, 'key'), Buffer.from('short'))
    t.equal((await store.head('key'))?.bytes, 5)
  })

  t.test('goes on reading an object that is replaced or deleted meanwhile, or says so', async (t) => {
    const store = await emptyStore(t)
    const old = randomBytes(8 * MB)
    await store.put('key', old)
    const reading = await store.get('key')
    await store.put('key', Buffer.from('new'))
    const outcome = await buffer(reading).catch((error: { code: string }) => error.code)
    t.ok(outcome === 'STORE_UNREACHABLE' || old.equals(outcome as Buffer), 'the old bytes or an error')
  })

  t.test('reads ranges', async (t) => {
    const store = await emptyStore(t)
    await store.put('digits', Buffer.from('0123456789'))
    await store.put('nothing', Buffer.alloc(0))
    const range = async (start: number, end: number) => String(await read(store, 'digits', { start, end }))
    t.equal(await range(0, 9), '0123456789')
    t.equal(await range(0, 0), '0')
    t.equal(await range(9, 9), '9')
    t.equal(await range(3, 5), '345')
    t.equal(await range(8, 99), '89', 'cut at the end')
    t.equal(await range(0, Number.MAX_SAFE_INTEGER), '0123456789')
    await t.rejects(range(10, 12), { code: 'STORE_RANGE_INVALID' }, 'starts at the end')
    await t.rejects(range(99, 100), { code: 'STORE_RANGE_INVALID' }, 'starts behind the end')
    await t.rejects(range(5, 4), { code: 'STORE_RANGE_INVALID' }, 'ends before it starts')
    await t.rejects(range(-2, 4), { code: 'STORE_RANGE_INVALID' }, 'negative')
    await t.rejects(range(0.5, 4), { code: 'STORE_RANGE_INVALID' }, 'broken')
    await t.rejects(range(0, Infinity), { code: 'STORE_RANGE_INVALID' }, 'endless')
    await t.rejects(store.get('nothing', { start: 0, end: 0 }), { code: 'STORE_RANGE_INVALID' })
    await t.rejects(store.get('gone', { start: 0, end: 0 }), { code: 'STORE_OBJECT_MISSING' })
  })

  t.test('lists by prefix, in byte order', async (t) => {
    const store = await emptyStore(t)
    const keys = [
      'a',
      'a-b',
      'a.b',
      'a0',
      'ab/c',
      'ab/c.manifest.json',
      'ab/cd/e',
      'b/x',
      'B/x',
      'é',
      '\uff5e',
      '📦',
    ]
    for (const key of keys) await store.put(key, Buffer.from(key))
    t.same(await keysOf(store), inByteOrder(keys))
    t.same(await keysOf(store, 'a'), ['a', 'a-b', 'a.b', 'a0', 'ab/c', 'ab/c.manifest.json', 'ab/cd/e'])
    t.same(await keysOf(store, 'ab/'), ['ab/c', 'ab/c.manifest.json', 'ab/cd/e'])
    t.same(await keysOf(store, 'ab/c'), ['ab/c', 'ab/c.manifest.json', 'ab/cd/e'])
    t.same(await keysOf(store, 'ab/cd'), ['ab/cd/e'])
    t.same(await keysOf(store, 'ab/c/'), [])
    t.same(await keysOf(store, 'none/such'), [])
    const [first] = await Array.fromAsync(store.list('ab/'))
    t.match(first, { key: 'ab/c', bytes: 4, modifiedAt: Date })
  })

  t.test('lists more than fits into one answer, and stops when the reader does', async (t) => {
    const store = await emptyStore(t, 40)
    const keys = Array.from({ length: 130 }, (_, n) => `list/${n % 7}/${n}-${'x'.repeat(n % 5)}.b`)
    await Promise.all(keys.map((key) => store.put(key, Buffer.from(key))))
    t.same(await keysOf(store), inByteOrder(keys))
    for await (const { key } of store.list('list/')) {
      t.equal(key, inByteOrder(keys)[0])
      break
    }
  })

  t.test('deletes, also what is gone', async (t) => {
    const store = await emptyStore(t)
    await store.put('folder/a', Buffer.from('a'))
    await store.put('folder/b', Buffer.from('b'))
    await store.delete('folder/a')
    await store.delete('folder/a')
    await store.delete('never/was')
    await store.delete('folder')
    t.same(await keysOf(store), ['folder/b'])
    await store.delete('folder/b')
    await store.put('folder/b', Buffer.from('again'))
    t.same(await read(store, 'folder/b'), Buffer.from('again'))
  })

  t.test('says that an object is missing', async (t) => {
    const store = await emptyStore(t)
    await store.put('folder/a', Buffer.from('a'))
    for (const key of ['none', 'folder', 'folder/a/b', 'no/such/folder']) {
      t.equal(await store.head(key), null, key)
      await t.rejects(store.get(key), { code: 'STORE_OBJECT_MISSING', status: 404 }, key)
    }
  })

  t.test('never takes a store that is lost for one without the object', async (t) => {
    const lost = { code: 'STORE_UNREACHABLE', status: 503 }
    for (const [name, store] of Object.entries(await lostStores(t))) {
      await t.rejects(store.get('key'), lost, `get, ${name}`)
      await t.rejects(store.get('key', { start: 0, end: 1 }), lost, `get range, ${name}`)
      await t.rejects(store.head('key'), lost, `head, ${name}`)
      await t.rejects(store.delete('key'), lost, `delete, ${name}`)
      await t.rejects(keysOf(store), lost, `list, ${name}`)
      await t.rejects(keysOf(store, 'some/folder/'), lost, `list a folder, ${name}`)
      await t.rejects(store.check(), lost, `check, ${name}`)
      await t.rejects(store.sweep(new Date()), lost, `sweep, ${name}`)
      const body = randomStream(40 * MB).stream
      await t.rejects(store.put('folder/key', body), lost, `put, ${name}`)
      t.ok(body.destroyed, 'the body is let go')
    }
  })

  t.test('shows one whole body when several are put under one key', async (t) => {
    const store = await emptyStore(t)
    const bodies = Array.from({ length: 12 }, (_, n) => Buffer.alloc(1000 * (n + 1), n))
    await Promise.all(bodies.map((body) => store.put('key', Readable.from([body]))))
    const stored = await read(store, 'key')
    t.ok(bodies.some((body) => body.equals(stored)))
    t.same(await keysOf(store), ['key'])
  })

  t.test('keeps nothing of a body that fails, and what was there before', async (t) => {
    const store = await emptyStore(t)
    await store.put('old', Buffer.from('old'))
    for (const bytes of [0, 1, 50 * MB]) {
      const failure = new Error('The source broke')
      await t.rejects(store.put('new', brokenStream(bytes, failure)), failure, `after ${bytes} bytes`)
      await t.rejects(store.put('old', brokenStream(bytes, failure)), failure)
    }
    const destroyed = randomStream(MB).stream.destroy()
    await t.rejects(store.put('new', destroyed), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
    t.same(await keysOf(store), ['old'])
    t.same(await read(store, 'old'), Buffer.from('old'))
    t.equal(await store.sweep(new Date(Date.now() + 60_000)), 0, 'nothing is left to sweep')
  })

  t.test('shows nothing of a body before it is whole', async (t) => {
    const store = await emptyStore(t)
    let isWhole = false
    const body = Readable.from(
      (async function* () {
        for (let n = 0; n < 3; n++) {
          yield randomBytes(17 * MB)
          t.equal(await store.head('key'), null)
          t.same(await keysOf(store), [])
        }
        isWhole = true
      })(),
    )
    await store.put('key', body)
    t.ok(isWhole)
    t.equal((await store.head('key'))?.bytes, 51 * MB)
  })

  t.test('lets go of an object whose reader goes away', async (t) => {
    const store = await emptyStore(t)
    await store.put('key', randomStream(20 * MB).stream)
    for (let n = 0; n < 60; n++) {
      const reading = await store.get('key')
      for await (const chunk of reading) {
        if (chunk) break
      }
      t.ok(reading.destroyed)
    }
    t.same((await read(store, 'key')).length, 20 * MB)
  })

  t.test('refuses keys that could mean another place', async (t) => {
    const store = await emptyStore(t)
    const wrong = { code: 'STORE_KEY_INVALID', status: 400 }
    for (const key of badKeys) {
      const name = JSON.stringify(key).slice(0, 40)
      await t.rejects(store.put(key, Buffer.from('x')), wrong, `put ${name}`)
      await t.rejects(store.get(key), wrong, `get ${name}`)
      await t.rejects(store.head(key), wrong, `head ${name}`)
      await t.rejects(store.delete(key), wrong, `delete ${name}`)
    }
    const body = randomStream(MB).stream
    await t.rejects(store.put('../up', body), wrong)
    t.ok(body.destroyed, 'the body is let go')
    for (const prefix of ['/', '../', '../etc', 'a/../', 'a//', '.holdfast/', 'a\0', 'x'.repeat(1025)])
      await t.rejects(keysOf(store, prefix), wrong, `list ${JSON.stringify(prefix).slice(0, 20)}`)
    t.same(await keysOf(store), [])
  })

  t.test('checks that it can be written and read, without a trace in the listing', async (t) => {
    const store = await emptyStore(t)
    await store.check()
    await Promise.all([store.check(), store.check()])
    t.same(await keysOf(store), [])
    t.same(await keysOf(store, '.'), [])
  })
}

const badKeys = [
  '',
  '/',
  '/etc/passwd',
  '..',
  '../up',
  'a/../../b',
  'a/..',
  './a',
  'a/./b',
  'a//b',
  'a/',
  'nul\0byte',
  'line\nbreak',
  'delete\x7f',
  'lone \ud800 surrogate',
  'not a character \uffff',
  '.holdfast',
  '.holdfast/check',
  `${'x'.repeat(200)}/`.repeat(5) + 'x'.repeat(20),
]

/** Reads an object as a whole. */
export async function read(
  store: Store,
  key: string,
  range?: { start: number; end: number },
): Promise<Buffer> {
  return buffer(await store.get(key, range))
}

export async function keysOf(store: Store, prefix = ''): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
}

/** So many bytes that don't repeat, made as they are read, and their SHA-256 once they are. */
export function randomStream(bytes: number): { stream: Readable; digest: () => string } {
  const hash = createHash('sha256')
  const stream = Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= 65_536) {
        const chunk = randomBytes(Math.min(left, 65_536))
        hash.update(chunk)
        yield chunk
      }
    })(),
  )
  return { stream, digest: () => hash.digest('hex') }
}

/** A body that gives so many bytes and then fails. */
export function brokenStream(bytes: number, failure: Error): Readable {
  const { stream } = randomStream(bytes)
  return Readable.from(
    (async function* () {
      yield* stream
      throw failure
    })(),
  )
}

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function inByteOrder(keys: string[]): string[] {
  return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** The highest resident set seen until it is asked for, in bytes. */
function watchMemory(): () => number {
  let peak = process.memoryUsage().rss
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20)
  return () => {
    clearInterval(timer)
    return peak
  }
}
