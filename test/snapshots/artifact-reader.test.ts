import { createHash } from 'node:crypto'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readArtifact, verifyArtifact } from '../../src/snapshots/artifact-reader.ts'
import { FolderStore } from '../../src/storage/folder-store.ts'

const corrupt = { code: 'SNAPSHOT_CORRUPT' }
const content = Buffer.from('{"holdfast":1,"records":[\n{"id":1,"owner":"Ann"}\n]}\n')
const foreign = Buffer.from('{"holdfast":1,"records":[\n{"id":1,"owner":"Bob"}\n]}\n')

t.test('an artifact from before stored frames were hashed is checked by its content', async (t) => {
  const { store, artifact } = await stored(t, { content: foreign, isStoredHashed: false })
  await t.rejects(buffer(readArtifact(store, artifact)), corrupt, 'nothing of it is handed on')
  t.match(await verifyArtifact(store, artifact), { ok: false, problems: [/not what was recorded/] })
  const good = await stored(t, { content, isStoredHashed: false })
  t.same(await buffer(readArtifact(good.store, good.artifact)), content)
})

t.test('stored bytes that differ are refused even where their content does not', async (t) => {
  const { store, artifact, frame } = await stored(t, { content })
  const altered = Buffer.from(frame)
  altered[4]! ^= 0x10 // RFC 8878, section 3.1.1.1.1.4: a bit of the frame's header that decoders pass over.
  t.same(zstdDecompressSync(altered), content)
  await store.put('key', altered)
  await t.rejects(buffer(readArtifact(store, artifact)), corrupt)
  t.match(await verifyArtifact(store, artifact), { ok: false, problems: [/not what was stored/] })
})

t.test('a store that cannot be reached says nothing about the artifact', async (t) => {
  const { store, artifact, folder } = await stored(t, { content })
  t.match(await verifyArtifact(store, artifact), { ok: true })
  await rename(folder, `${folder}-away`)
  await t.rejects(verifyArtifact(store, artifact), { code: 'STORE_UNREACHABLE' })
  await rename(`${folder}-away`, folder)
  await store.delete('key')
  t.match(
    await verifyArtifact(store, artifact),
    { ok: false },
    'where the store is there, a lost artifact is lost',
  )
})

/** An artifact of one frame, whose manifest is that of `content` whatever is stored. */
async function stored(t: Test, options: { content: Buffer; isStoredHashed?: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-artifact-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const store = new FolderStore(folder)
  const frame = zstdCompressSync(options.content)
  await store.put('key', frame)
  const place = { storedOffset: 0, storedBytes: frame.length, offset: 0, bytes: content.length }
  const hashes = {
    sha256: sha256(content),
    ...(options.isStoredHashed !== false && { storedSha256: sha256(frame) }),
  }
  const artifact = {
    ...{ key: 'key', sha256: sha256(content), bytes: content.length, storedBytes: frame.length },
    frames: [{ ...place, ...hashes, firstKey: [1], records: 1 }],
  }
  return { folder, store, artifact, frame }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
