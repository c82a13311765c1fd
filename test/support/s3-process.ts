import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * The process that `s3Server` starts: s3rver, with its file store mended where it breaks what S3 promises. As it comes,
 * it answers before the bytes are on disk, shows half an object, lists out of order, takes `bytes=0-0` for the whole
 * object, lists a whole bucket to say that it is there, reads a whole folder for each object that it removes, and knows
 * neither AbortMultipartUpload nor ListMultipartUploads.
 */
interface FileStore {
  getResourcePath(bucket: string, key: string | undefined, resource: string): string
  putMetadata(bucket: string, key: string, metadata: object, md5: string): Promise<void>
  putObject(object: {
    bucket: string
    key: string
    metadata: object
    content: Buffer | Readable
  }): Promise<Received>
  getObject(bucket: string, key: string, range?: Partial<Range>): Promise<FoundObject | null>
  deleteObject(bucket: string, key: string): Promise<void>
  putPart(bucket: string, uploadId: string, part: string, content: Readable): Promise<Received>
  listObjects(bucket: string, options: Listing): Promise<{ objects: { key: string }[]; isTruncated: boolean }>
}

interface Range {
  start: number
  end: number
}

/** Without content when the range is not satisfiable. */
interface FoundObject {
  size: number
  content: Readable | null
  range?: Range
}

interface Listing {
  prefix?: string
  startAfter?: string
  maxKeys?: number
}

interface Received {
  size: number
  md5: string
}

interface Context {
  method: string
  path: string
  headers: { authorization?: string }
  query: Record<string, string>
  status: number
  type: string
  body: unknown
}

interface Server {
  store: FileStore
  middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[]
  run(): Promise<{ port: number }>
}

type ServerClass = new (options: object) => Server

const [directory, bucket] = process.argv.slice(2) as [string, string]
const S3rver = createRequire(import.meta.url)('s3rver') as ServerClass
const server = new S3rver({
  address: '127.0.0.1',
  port: 0,
  silent: true,
  vhostBuckets: false,
  directory,
  configureBuckets: [{ name: bucket }],
})
mend(server.store)
server.middleware.unshift(answerMultipart, answerHeadBucket)
process.once('disconnect', () => process.exit())
process.send?.(await server.run())

function mend(store: FileStore): void {
  const listAll = store.listObjects.bind(store)
  store.putObject = async ({ bucket, key, metadata, content }) => {
    const received = await receive(content, store.getResourcePath(bucket, key, 'object'))
    await store.putMetadata(bucket, key, metadata, received.md5)
    return received
  }
  const getWhole = store.getObject.bind(store)
  store.getObject = async (bucket, key, { start, end = Infinity } = {}) => {
    const object = await getWhole(bucket, key)
    if (!object || start === undefined) return object
    object.content?.destroy()
    const range = { start, end: Math.min(end, object.size - 1) }
    const path = store.getResourcePath(bucket, key, 'object')
    return Object.assign(object, {
      range,
      content: start < object.size ? createReadStream(path, range) : null,
    })
  }
  store.deleteObject = async (bucket, key) => {
    const parts = ['object', 'object.md5', 'metadata.json']
    await Promise.all(parts.map((part) => rm(store.getResourcePath(bucket, key, part), { force: true })))
  }
  store.putPart = async (bucket, uploadId, part, content) => {
    const path = join(store.getResourcePath(bucket, undefined, 'uploads'), uploadId, part)
    const received = await receive(content, path)
    await writeFile(`${path}.md5`, received.md5)
    return received
  }
  store.listObjects = async (bucket, { prefix = '', startAfter = '', maxKeys = 1000 }) => {
    const { objects } = await listAll(bucket, { prefix })
    const after = objects
      .filter(({ key }) => byBytes(key, startAfter) > 0)
      .sort((a, b) => byBytes(a.key, b.key))
    return { objects: after.slice(0, maxKeys), commonPrefixes: [], isTruncated: after.length > maxKeys }
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

async function receive(content: Buffer | Readable, path: string): Promise<Received> {
  const temporary = `${path}.${randomUUID()}`
  const md5 = createHash('md5')
  let size = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      md5.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  await mkdir(dirname(path), { recursive: true })
  await pipeline(Readable.from(content), count, createWriteStream(temporary))
  await rename(temporary, path)
  return { size, md5: md5.digest('hex') }
}

async function answerMultipart(context: Context, next: () => Promise<void>): Promise<void> {
  const { method, path, query, headers } = context
  const uploads = server.store.getResourcePath(path.split('/')[1]!, undefined, 'uploads')
  const isKnown = headers.authorization?.includes('Credential=S3RVER/') && existsSync(dirname(uploads))
  if (!isKnown) await next()
  else if (method === 'DELETE' && query['uploadId']) {
    await rm(join(uploads, query['uploadId']), { recursive: true, force: true })
    context.status = 204
  } else if (method === 'GET' && 'uploads' in query) {
    context.type = 'application/xml'
    context.body = await uploadsDocument(uploads, query['prefix'] ?? '')
  } else await next()
}

async function answerHeadBucket(context: Context, next: () => Promise<void>): Promise<void> {
  const { method, path, headers } = context
  const isKnown =
    headers.authorization?.includes('Credential=S3RVER/') && path.replace(/\/$/, '') === `/${bucket}`
  if (method === 'HEAD' && isKnown) context.status = 200
  else await next()
}

async function uploadsDocument(folder: string, prefix: string): Promise<string> {
  const ids = await readdir(folder).catch(() => [])
  const uploads = await Promise.all(ids.map(async (id) => uploadElement(folder, id, prefix)))
  return `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${uploads.join('')}</ListMultipartUploadsResult>`
}

async function uploadElement(folder: string, id: string, prefix: string): Promise<string> {
  const key = await readFile(join(folder, id, 'key'), 'utf8')
  const { mtime } = await stat(join(folder, id, 'key'))
  if (!key.startsWith(prefix)) return ''
  return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${mtime.toISOString()}</Initiated></Upload>`
}
