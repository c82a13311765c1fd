import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { openClient } from '../../src/storage/s3-client.ts'
import { S3Store } from '../../src/storage/s3-store.ts'
import { parseS3Url } from '../../src/storage/s3-url.ts'
import { s3Server } from '../support/s3-server.ts'
import { brokenStream, conformance, keysOf, read } from './conformance.ts'

const endlessPut = fileURLToPath(new URL('endless-put.ts', import.meta.url))
const server = await s3Server(t)
const settings = parseS3Url(server.url)
let stores = 0

const emptyStore = (pageSize = 1000) => new S3Store({ ...settings, prefix: `store/${stores++}`, pageSize })

conformance(t, {
  emptyStore: async (_t, pageSize) => emptyStore(pageSize),
  lostStores: async (t: Test) => {
    const down = await s3Server(t)
    await down.stop()
    return {
      'a server that is down': openStore(down.url),
      'an unknown key': openStore(server.url.replace('accessKeyId=S3RVER', 'accessKeyId=nobody')),
      'a bucket that is gone': openStore(server.url.replace(server.bucket, 'no-such-bucket')),
      'a host without address': new S3Store({ ...settings, endpoint: 'http://no-such-host.invalid' }),
    }
  },
})

t.test('keeps to its prefix', async (t) => {
  const [whole, a] = [new S3Store(settings), new S3Store({ ...settings, prefix: 'pre/fix' })]
  await a.put('key', Buffer.from('a'))
  await whole.put('pre/fixed/key', Buffer.from('not in it'))
  t.equal(a.location, 's3://holdfast-test/pre/fix')
  t.same(await keysOf(a), ['key'])
  t.same(await read(whole, 'pre/fix/key'), Buffer.from('a'))
  await a.put(`${'x'.repeat(200)}/`.repeat(5) + 'y'.repeat(11), Buffer.from('1024 bytes with the prefix'))
  const long = `${'x'.repeat(200)}/`.repeat(5) + 'y'.repeat(12)
  await t.rejects(a.put(long, Buffer.from('x')), { code: 'STORE_KEY_INVALID', message: 'with the store' })
})

t.test('passes over keys of others that cannot be keys here', async (t) => {
  const store = emptyStore()
  const client = await openClient(settings)
  const prefix = store.location.slice('s3://holdfast-test/'.length)
  await store.put('folder/key', Buffer.from('x'))
  await client.putObject({ Bucket: server.bucket, Key: `${prefix}/folder/`, Body: Buffer.alloc(0) })
  t.same(await keysOf(store), ['folder/key'])
})

t.test('a process that is killed while it puts leaves nothing but what sweep removes', async (t) => {
  const { url, directory } = await s3Server(t, 'killed')
  const store = openStore(url)
  await store.put('a/key', Buffer.from('old'))
  const child = fork(endlessPut, [url, 'a/key'])
  t.same(await once(child, 'message'), [{ writing: true }, undefined])
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.same(await keysOf(store), ['a/key'])
  t.same(await read(store, 'a/key'), Buffer.from('old'))
  const uploads = () => readdir(join(directory, 'killed', '._S3rver_uploads'))
  t.equal((await uploads()).length, 1)
  t.equal(await store.sweep(new Date(Date.now() - 60_000)), 0, 'it might still be at work')
  t.equal(await store.sweep(new Date(Date.now() + 60_000)), 1)
  t.same(await uploads(), [])
})

t.test('a put that fails leaves no parts behind', async (t) => {
  const { url, directory } = await s3Server(t, 'broken')
  const failure = new Error('The source broke')
  await t.rejects(openStore(url).put('key', brokenStream(80_000_000, failure)), failure)
  t.same(await readdir(join(directory, 'broken', '._S3rver_uploads')), [])
})

t.test('shows its secret to nobody', async (t) => {
  const url = server.url.replace('secretAccessKey=S3RVER', 'secretAccessKey=Very+Secret/Key')
  const store = openStore(url.replace('accessKeyId=S3RVER', 'accessKeyId=AKIDNOBODY'))
  const error: unknown = await store.get('key').catch((error: unknown) => error)
  t.match(error, { message: 's3://holdfast-test: the server answered 403 InvalidAccessKeyId.' })
  for (const shown of [store.location, inspect(store, { depth: 9 }), JSON.stringify(store)])
    t.notMatch(shown, /Secret|AKID/)
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), /Secret|AKID/)
})

t.test('takes credentials from the environment, and says when there are none', async (t) => {
  const names = {
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  Object.assign(process.env, names)
  const { credentials: _given, ...bare } = settings
  await new S3Store(bare).check()
  delete process.env['AWS_ACCESS_KEY_ID']
  t.teardown(() => Object.keys(names).forEach((name) => delete process.env[name]))
  const message = 's3://holdfast-test: no credentials were given or found.'
  await t.rejects(new S3Store(bare).check(), { code: 'STORE_UNREACHABLE', message })
})
