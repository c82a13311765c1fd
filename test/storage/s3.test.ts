import t, { type Test } from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { parseS3Url } from '../../src/storage/s3-url.ts'
import { S3Store } from '../../src/storage/s3-store.ts'
import { s3Server } from '../support/s3-server.ts'
import { conformance } from './conformance.ts'

const server = await s3Server(t)
let stores = 0

conformance(t, {
  emptyStore: async (_t, pageSize = 1000) =>
    new S3Store({ ...parseS3Url(server.url), prefix: `store/${stores++}`, pageSize }),
  lostStores: async (t: Test) => {
    const down = await s3Server(t)
    await down.stop()
    const wrongKey = new URL(server.url)
    wrongKey.searchParams.set('accessKeyId', 'nobody')
    const noHost = new URL(server.url)
    noHost.searchParams.set('endpoint', 'http://no-such-host.invalid')
    return {
      'a server that is down': openStore(down.url),
      'a wrong secret': openStore(wrongKey.href),
      'a bucket that is gone': openStore(server.url.replace(server.bucket, 'no-such-bucket')),
      'a host without address': openStore(noHost.href),
    }
  },
})
