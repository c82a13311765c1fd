import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { parseS3Url } from '../../src/storage/s3-url.ts'

t.test('opens folders', async (t) => {
  t.equal(openStore('file:/var/backups').location, 'file:///var/backups')
  t.equal(openStore('file:///var/backups').location, 'file:///var/backups')
  t.equal(openStore('file://localhost/var/backups').location, 'file:///var/backups')
  t.equal(openStore('file:///var/my%20backups').location, 'file:///var/my%20backups')
  t.equal(openStore('file:/var/my backups 100%?#').location, pathToFileURL('/var/my backups 100%?#').href)
  t.equal(openStore('file:store', '/var/holdfast').location, 'file:///var/holdfast/store')
  t.equal(openStore('file:../store', '/var/holdfast').location, 'file:///var/store')
  t.equal(openStore('file:/abs', '/var/holdfast').location, 'file:///abs')
})

t.test('opens buckets', async (t) => {
  t.equal(openStore('s3://my-bucket').location, 's3://my-bucket')
  t.equal(openStore('s3://my-bucket/').location, 's3://my-bucket')
  t.equal(openStore('s3://my-bucket/a/b/?region=eu-central-1').location, 's3://my-bucket/a/b')
  t.same(parseS3Url('s3://my-bucket/my%20prefix?region=auto&forcePathStyle=false'), {
    bucket: 'my-bucket',
    prefix: 'my prefix',
    region: 'auto',
    forcePathStyle: false,
  })
  const secret =
    'endpoint=https://x.r2.cloudflarestorage.com&accessKeyId=id&secretAccessKey=a/b+c%3D%26&sessionToken=t'
  t.same(parseS3Url(`s3://b-1.c?${secret}`), {
    bucket: 'b-1.c',
    prefix: '',
    endpoint: 'https://x.r2.cloudflarestorage.com',
    credentials: { accessKeyId: 'id', secretAccessKey: 'a/b+c=&', sessionToken: 't' },
  })
})

t.test('refuses a wrong URL in one line that repeats nothing of it', async (t) => {
  const wrong = [
    '',
    '/var/SECRET',
    'SECRET',
    'http://SECRET',
    'file:',
    'file:nul\0SECRET',
    'file://host/SECRET',
    'file:///SECRET%zz',
    'file:///a?SECRET',
    's3:',
    's3:SECRET',
    's3://',
    's3:///SECRET',
    's3://S?region=SECRET',
    's3://key:SECRET@bucket/prefix',
    's3://bucket:9000/SECRET',
    's3://bucket/../SECRET',
    's3://bucket//SECRET',
    's3://bucket/%zzSECRET',
    's3://bucket#SECRET',
    's3://bucket?nonsense=SECRET',
    's3://bucket?accessKeyId=a&secretAccessKey=x&SECRET',
    's3://bucket?region=a&region=SECRET',
    's3://bucket?accessKeyId=SECRET',
    's3://bucket?secretAccessKey=SECRET',
    's3://bucket?accessKeyId=&secretAccessKey=SECRET',
    's3://bucket?sessionToken=SECRET',
    's3://bucket?endpoint=SECRET',
    's3://bucket?endpoint=',
    's3://bucket?endpoint=ftp://SECRET',
    's3://bucket?endpoint=https://user:SECRET@host',
    's3://bucket?endpoint=https://host?SECRET',
    's3://bucket?forcePathStyle=SECRET',
  ]
  for (const url of wrong) {
    const error = t.throws(() => openStore(url), { code: 'STORE_URL_INVALID', status: 400 }, url) as Error
    t.notMatch(error.message, /SECRET|\n/, url)
  }
})

t.test('loads nothing of the S3 SDK before an S3 store is used', async (t) => {
  const credentials = 'accessKeyId=a&secretAccessKey=b'
  const store = openStore(`s3://bucket?endpoint=http://127.0.0.1:1&${credentials}`)
  t.notOk(isSdkLoaded())
  await t.rejects(store.head('key'), { code: 'STORE_UNREACHABLE', message: /ECONNREFUSED/ })
  t.ok(isSdkLoaded())
})

function isSdkLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('aws-sdk'))
}
