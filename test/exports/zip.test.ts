import { createHash, randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { fromBuffer, fromRandomAccessReader, RandomAccessReader, type Entry, type ZipFile } from 'yauzl'
import { zip, zipDirectory, type ZipEntry, type ZipSource } from '../../src/exports/zip.ts'

const modifiedAt = new Date('2026-11-20T10:00:01Z')
const mebibyte = 1_048_576

async function* pieces(bytes: Buffer, size = mebibyte): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

type Opened = (error: Error | null, zip: ZipFile) => void

/** What yauzl, which shares no code with what wrote it, finds in a zip. */
function entriesOf(open: (opened: Opened) => void): Promise<{ zip: ZipFile; entries: Entry[] }> {
  return new Promise((resolve, reject) =>
    open((error, zip) => {
      if (error) return reject(error)
      const entries: Entry[] = []
      zip
        .on('entry', (entry: Entry) => entries.push(entry))
        .on('error', reject)
        .on('end', () => resolve({ zip, entries }))
    }),
  )
}

const contentOf = (zip: ZipFile, entry: Entry) =>
  new Promise<Buffer>((resolve, reject) =>
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(buffer(stream)))),
  )

t.test('files come out as they went in, with their sums, names and times', async (t) => {
  const contents = new Map([
    ['nothing.txt', Buffer.alloc(0)],
    ['ünï 😀/words.csv', Buffer.from('a sentence that comes again, '.repeat(300_000))],
    ['noise.bin', randomBytes(3 * mebibyte + 17)],
  ])
  const sources = [...contents].map(([name, bytes]) => ({ name, modifiedAt, content: pieces(bytes) }))
  const bytes = await buffer(zip(sources))
  t.ok(bytes.length < 4 * mebibyte, 'what can be compressed is')

  const { zip: opened, entries } = await entriesOf((opened) =>
    fromBuffer(bytes, { autoClose: false }, opened),
  )
  t.same(
    entries.map(({ fileName }) => fileName),
    [...contents.keys()],
  )
  for (const entry of entries) {
    const wanted = contents.get(entry.fileName)!
    const found = await contentOf(opened, entry)
    t.ok(found.equals(wanted), entry.fileName)
    t.equal(entry.crc32, crc32(wanted), 'its sum')
    t.equal(entry.getLastModDate().getTime(), modifiedAt.getTime(), 'its time, in any zone')
  }
})

t.test('what is too large for 32 bits is written with 64', async (t) => {
  const gigabyte = 2 ** 30
  const entries: ZipEntry[] = [
    { name: 'small', modifiedAt, crc: 1, size: 10, compressed: 9, offset: 0 },
    { name: 'large', modifiedAt, crc: 2, size: 50 * gigabyte, compressed: 3 * gigabyte, offset: 100 },
    { name: 'far', modifiedAt, crc: 3, size: 10, compressed: 9, offset: 5 * gigabyte },
  ]
  const start = 6 * gigabyte
  const directory = zipDirectory(entries, start)
  // A zip of which only the end is there, which is where a reader looks.
  class Tail extends RandomAccessReader {
    override _readStreamForRange(from: number, to: number) {
      const before = Buffer.alloc(Math.max(0, start - from))
      return new PassThrough().end(
        Buffer.concat([before, directory.subarray(Math.max(0, from - start), to - start)]),
      )
    }
  }
  const found = await entriesOf((opened) =>
    fromRandomAccessReader(new Tail(), start + directory.length, {}, opened),
  )
  t.match(
    found.entries,
    entries.map(({ name, crc, size, compressed, offset }) => ({
      fileName: name,
      crc32: crc,
      uncompressedSize: size,
      compressedSize: compressed,
      relativeOffsetOfLocalHeader: offset,
    })),
  )
})

t.test('more files than 16 bits can count', async (t) => {
  const entry: ZipEntry = { name: 'x', modifiedAt, crc: 1, size: 1, compressed: 3, offset: 0 }
  const entries = Array.from({ length: 70_000 }, () => entry)
  const found = await entriesOf((opened) => fromBuffer(zipDirectory(entries, 0), {}, opened))
  t.equal(found.entries.length, entries.length)
})

t.test('the same files make the same bytes', async (t) => {
  const bytes = randomBytes(5 * mebibyte)
  const digest = async () => {
    const made = await buffer(zip([{ name: 'a', modifiedAt, content: pieces(bytes) }]))
    return createHash('sha256').update(made).digest('hex')
  }
  t.equal(await digest(), await digest())
})

t.test('what fails while it is read fails the zip', async (t) => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(10)
    throw new Error('the rows ended too early')
  }
  const sources: ZipSource[] = [{ name: 'a', modifiedAt, content: failing() }]
  await t.rejects(buffer(zip(sources)), { message: 'the rows ended too early' })
})

t.test('who stops reading leaves nothing open', async (t) => {
  let isOpen = false
  async function* endless(): AsyncGenerator<Buffer> {
    isOpen = true
    try {
      for (;;) yield randomBytes(100_000)
    } finally {
      isOpen = false
    }
  }
  const sources: ZipSource[] = [{ name: 'a', modifiedAt, content: endless() }]
  let bytes = 0
  for await (const chunk of zip(sources)) {
    bytes += chunk.length
    if (bytes > mebibyte) break
  }
  t.equal(isOpen, false)
})
