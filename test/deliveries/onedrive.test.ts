import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { BatchPaused } from '../../src/batches/batch-paused.ts'
import type { Original } from '../../src/deliveries/destination.ts'
import { createGraphClient, type GraphAccess } from '../../src/deliveries/graph-client.ts'
import { oneDriveDestination } from '../../src/deliveries/onedrive-destination.ts'
import { graphServer, type GraphServer, type Misbehaviour } from '../support/graph-server.ts'

const signal = new AbortController().signal
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function original(bytes: Buffer, expected: string | null = null): Original {
  return {
    bytes: bytes.length,
    sha256: expected,
    open: async ({ start, end } = { start: 0, end: bytes.length - 1 }) =>
      Readable.from([bytes.subarray(start, end + 1)]),
  }
}

const always: GraphAccess = {
  token: async () => 'a-token',
  refused: () => Promise.reject(new BatchPaused('the token has expired')),
}

const drives: GraphServer[] = []

async function oneDrive(t: Test, access = always) {
  const graph = await graphServer(t)
  const destination = oneDriveDestination(createGraphClient(graph.url, access), null)
  drives.push(graph)
  return {
    graph,
    put: (bytes: Buffer, path: string) => destination.put(original(bytes), path, signal),
    destination,
  }
}

/** What the drive has, as `path bytes`. */
function held({ files }: GraphServer): string[] {
  return [...files.values()].map(({ path, bytes }) => `${path} ${bytes.length} ${sha256(bytes)}`)
}

const small = Buffer.from('a small file')
/** Three fragments. */
const large = randomBytes(11 * 1024 * 1024)

t.test('a small file goes in one request, into folders that are made once', async (t) => {
  const { graph, put } = await oneDrive(t)
  const copied = await put(small, 'Archive/Tax & audit/契約書 (2).txt')
  t.same(copied, {
    bytes: small.length,
    sha256: sha256(small),
    compared: 'quickXorHash',
    url: `https://onedrive.example/${encodeURIComponent('Archive/Tax & audit/契約書 (2).txt')}`,
  })
  await put(Buffer.alloc(0), 'Archive/Tax & audit/empty.txt')
  t.same(held(graph), [
    `Archive/Tax & audit/契約書 (2).txt ${small.length} ${sha256(small)}`,
    `Archive/Tax & audit/empty.txt 0 ${sha256(Buffer.alloc(0))}`,
  ])
  t.equal(graph.requests.filter((request) => request.startsWith('folder')).length, 2)
})

t.test('a large file goes in fragments of the right size', async (t) => {
  const { graph, put } = await oneDrive(t)
  t.match(await put(large, 'a/large.bin'), { sha256: sha256(large), compared: 'quickXorHash' })
  t.same(held(graph), [`a/large.bin ${large.length} ${sha256(large)}`])
  t.equal(graph.requests.filter((request) => request.startsWith('fragment')).length, 3)
})

const passing: [string, Misbehaviour][] = [
  ['throttled', { kind: 'throttle', seconds: 0 }],
  ['unavailable', { kind: 'error', status: 503 }],
  ['a bad gateway', { kind: 'error', status: 502 }],
  ['no answer, though it was done', { kind: 'lost' }],
]

for (const [name, how] of passing) {
  t.test(`${name}: each file is there once all the same`, async (t) => {
    const { graph, put } = await oneDrive(t)
    for (const operation of ['folder', 'put', 'session', 'fragment', 'status'] as const)
      graph.misbehave(operation, how)
    t.match(await put(small, 'a/small.txt'), { sha256: sha256(small) })
    t.match(await put(large, 'a/large.bin'), { sha256: sha256(large) })
    t.same(held(graph), [
      `a/small.txt ${small.length} ${sha256(small)}`,
      `a/large.bin ${large.length} ${sha256(large)}`,
    ])
  })
}

t.test('the answer to the last fragment may get lost', async (t) => {
  const { graph, put } = await oneDrive(t)
  const six = randomBytes(6 * 1024 * 1024)
  graph.misbehave('fragment', { kind: 'lost' }, { kind: 'lost' })
  t.match(await put(six, 'six.bin'), { sha256: sha256(six) })
  t.same(held(graph), [`six.bin ${six.length} ${sha256(six)}`])
})

t.test('a session that is gone is begun anew', async (t) => {
  const { graph, put } = await oneDrive(t)
  graph.misbehave('fragment', { kind: 'error', status: 500 }, { kind: 'expired session' })
  t.match(await put(large, 'large.bin'), { sha256: sha256(large) })
  t.equal(graph.requests.filter((request) => request.startsWith('session')).length, 2)
})

t.test('throttling holds up all requests for as long as it says', async (t) => {
  const { graph, put } = await oneDrive(t)
  graph.misbehave('put', { kind: 'throttle', seconds: 1 })
  const begun = performance.now()
  await put(small, 'one.txt')
  t.ok(performance.now() - begun >= 990)
})

t.test('another file of the name stays, and the delivery of this one fails', async (t) => {
  const { graph, put } = await oneDrive(t)
  await put(small, 'Taken.txt')
  t.match(await put(small, 'taken.txt'), { sha256: sha256(small) }, 'the same bytes are the same file')
  await t.rejects(put(Buffer.from('b small file'), 'taken.txt'), { code: 'DELIVERY_CONFLICT' })
  graph.misbehave('fragment', { kind: 'conflict on the last fragment' })
  await t.rejects(put(randomBytes(5 * 1024 * 1024), 'large.bin'), { code: 'DELIVERY_CONFLICT' })
  t.equal(graph.files.get('taken.txt')!.bytes.toString(), small.toString())
  t.equal(graph.files.get('large.bin')!.bytes.toString(), 'somebody else was faster')
})

t.test('without hashes the size is compared, and the content of what is there already', async (t) => {
  const { graph, put } = await oneDrive(t)
  graph.tellsHashes = false
  t.match(await put(small, 'a.txt'), { compared: 'size' })
  t.match(await put(small, 'a.txt'), { compared: 'quickXorHash' })
  await t.rejects(put(Buffer.from('b small file'), 'a.txt'), { code: 'DELIVERY_CONFLICT' })
})

t.test('a copy that differs is removed and fails', async (t) => {
  const { graph, put } = await oneDrive(t)
  graph.misbehave('put', { kind: 'damage' })
  await t.rejects(put(small, 'a.txt'), { code: 'DELIVERY_COPY_DIFFERS' })
  t.same(held(graph), [])
})

t.test('an original that differs is not delivered', async (t) => {
  const { graph, destination } = await oneDrive(t)
  const wrong = sha256(Buffer.from('something else'))
  for (const bytes of [small, large])
    await t.rejects(destination.put(original(bytes, wrong), 'a.txt', signal), {
      code: 'DELIVERY_ORIGINAL_DIFFERS',
    })
  t.same(held(graph), [])
})

t.test('a full drive, an expired token and a drive that is not there pause the batch', async (t) => {
  const { graph, put } = await oneDrive(t)
  graph.misbehave('put', { kind: 'full' })
  await t.rejects(put(small, 'a.txt'), { name: 'BatchPaused', message: /no room left/ })
  graph.misbehave('fragment', { kind: 'full' })
  await t.rejects(put(large, 'a.bin'), { name: 'BatchPaused', message: /no room left/ })
  graph.misbehave('folder', { kind: 'error', status: 404 })
  await t.rejects(put(small, 'folder/a.txt'), { name: 'BatchPaused', message: /folder.*404/ })
  graph.tokens.clear()
  await t.rejects(put(small, 'b.txt'), { name: 'BatchPaused', message: /expired/ })
})

t.test('a token that was replaced meanwhile is used', async (t) => {
  let token = 'an-old-token'
  const access = { token: async () => token, refused: async () => void (token = 'a-token') }
  const { put } = await oneDrive(t, access)
  t.match(await put(small, 'a.txt'), { sha256: sha256(small) })
})

t.test('in all this the protocol was kept', async (t) => {
  t.same(
    drives.flatMap(({ violations }) => violations),
    [],
  )
})
