import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { Original } from '../../src/deliveries/destination.ts'
import { storeDestination } from '../../src/deliveries/store-destination.ts'
import { openStore } from '../../src/storage/open-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { s3Server } from '../support/s3-server.ts'

const signal = new AbortController().signal
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function original(bytes: Buffer, expected: string | null = null): Original {
  return { bytes: bytes.length, sha256: expected, open: async () => Readable.from([bytes]) }
}

async function folder(t: Test): Promise<{ root: string; store: Store }> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-delivered-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  return { root, store: openStore(`file:${root}`) }
}

t.test('a file is copied into a folder, and once more is the same file', async (t) => {
  const { root, store } = await folder(t)
  const bytes = randomBytes(100_000)
  const { put } = storeDestination(store)
  const copied = { bytes: 100_000, sha256: sha256(bytes), compared: 'sha256', url: null }
  t.same(await put(original(bytes), 'Invoices/a.pdf', signal), copied)
  t.same(await put(original(bytes), 'Invoices/a.pdf', signal), copied)
  t.same(await readdir(join(root, 'Invoices')), ['a.pdf'])
  t.same(await readFile(join(root, 'Invoices/a.pdf')), bytes)
})

t.test('what is there and differs stays', async (t) => {
  const { root, store } = await folder(t)
  await writeFile(join(root, 'a.txt'), 'theirs')
  const put = storeDestination(store).put(original(Buffer.from('ours')), 'a.txt', signal)
  await t.rejects(put, { code: 'DELIVERY_CONFLICT' })
  t.equal(await readFile(join(root, 'a.txt'), 'utf8'), 'theirs')
})

t.test('no path leads out of the folder', async (t) => {
  const { root, store } = await folder(t)
  const outside = await folder(t)
  await symlink(outside.root, join(root, 'link'))
  await mkdir(join(root, 'in'))
  const { put } = storeDestination(store)
  for (const path of ['../a.txt', 'in/../../a.txt', '/a.txt', 'link/a.txt', 'a\0.txt'])
    await t.rejects(put(original(Buffer.from('x')), path, signal), { code: 'STORE_KEY_INVALID' }, path)
  t.same(await readdir(outside.root), [])
})

t.test('an original that is not as it was written down is not stored', async (t) => {
  const { root, store } = await folder(t)
  const { put } = storeDestination(store)
  const bytes = Buffer.from('bytes')
  const wrong = original(bytes, sha256(Buffer.from('other bytes')))
  await t.rejects(put(wrong, 'a.txt', signal), { code: 'DELIVERY_ORIGINAL_DIFFERS' })
  await t.rejects(put({ ...original(bytes), bytes: 6 }, 'a.txt', signal), {
    code: 'DELIVERY_ORIGINAL_DIFFERS',
  })
  t.same(
    (await readdir(root)).filter((name) => name !== '.holdfast'),
    [],
  )
})

t.test('a copy that comes back different fails and is removed', async (t) => {
  const { root, store } = await folder(t)
  const damaging: Store = Object.create(store) as Store
  damaging.put = async (key, body) => {
    const bytes = await store.put(key, body)
    await writeFile(join(root, key), 'something else')
    return bytes
  }
  damaging.get = (key) => store.get(key)
  damaging.head = (key) => store.head(key)
  damaging.delete = (key) => store.delete(key)
  const put = storeDestination(damaging).put(original(Buffer.from('bytes')), 'a.txt', signal)
  await t.rejects(put, { code: 'DELIVERY_COPY_DIFFERS' })
  t.same(
    (await readdir(root)).filter((name) => name !== '.holdfast'),
    [],
  )
})

t.test('a bucket, small and in parts', async (t) => {
  const server = await s3Server(t)
  const store = openStore(server.url)
  const { put } = storeDestination(store)
  for (const bytes of [Buffer.from('small'), randomBytes(9 * 1024 * 1024)]) {
    const path = `Invoices/${bytes.length}.bin`
    t.match(await put(original(bytes), path, signal), { sha256: sha256(bytes), compared: 'sha256' })
    t.match(await put(original(bytes), path, signal), { sha256: sha256(bytes) })
  }
  t.equal((await Array.fromAsync(store.list(''))).length, 2)
})

t.test('work that is stopped stops', async (t) => {
  const { root, store } = await folder(t)
  const stopped = new AbortController()
  const endless: Original = {
    bytes: 1e12,
    sha256: null,
    open: async () =>
      Readable.from(
        (function* () {
          for (;;) {
            stopped.abort()
            yield Buffer.alloc(10)
          }
        })(),
      ),
  }
  await t.rejects(storeDestination(store).put(endless, 'a.bin', stopped.signal), { name: 'AbortError' })
  t.same(
    (await readdir(root)).filter((name) => name !== '.holdfast'),
    [],
  )
})
