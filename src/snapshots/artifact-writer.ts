import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import type { Store } from '../storage/store.ts'
import type { RecordLine } from './capture.ts'
import type { Frame, KeyValue } from './manifest.ts'

const compress = promisify(zstdCompress)

/** Content of a frame in bytes at which it is closed. Small enough to read one record cheaply, large enough to compress. */
const frameBytes = 1_048_576
/** What a frame is compressed to is taken in pieces of this size, in bytes: nearly always one, since each costs a trip. */
const pieceBytes = 262_144
/** Frames compressed at the same time, each on a thread of the pool. */
const framesInFlight = 3

/** What an artifact tells of itself before its records. */
export interface ArtifactHeader {
  dataset: string
  scope: unknown
  trigger: string
  takenAt: string
  source: unknown
  definition: unknown
}

/** What stands after the records; known only when they have all been read. */
export interface ArtifactTrailer {
  /** Keys of records of the scope that were not there, for a safety snapshot; see restores. */
  absent?: AsyncIterable<KeyValue[][]>
  counts: Record<string, number>
  stats: Record<string, unknown>
}

/** An artifact in the store, before its manifest is. */
export interface WrittenArtifact {
  /** SHA-256 of the uncompressed artifact, hex. */
  sha256: string
  bytes: number
  storedBytes: number
  frames: Frame[]
}

interface OpenFrame {
  offset: number
  pieces: Buffer[]
  bytes: number
  firstKey: KeyValue[] | null
  records: number
}

/**
 * Streams an artifact of format 1 into the store: hashed, cut into frames at line ends, compressed (zstd).
 * @param trailer asked for when the records have ended
 * @returns sizes and hashes; the object is stored whole, or nothing is
 */
export async function writeArtifact(
  store: Store,
  key: string,
  header: ArtifactHeader,
  records: AsyncIterable<RecordLine[]>,
  trailer: () => Promise<ArtifactTrailer>,
): Promise<WrittenArtifact> {
  const writer = new FrameWriter()
  const storedBytes = await store.put(key, Readable.from(writer.stored(parts(header, records, trailer))))
  return { ...writer.summary(), storedBytes }
}

/** A piece of the artifact that ends at a line's end, and the key of the record in it, if it is one. */
interface Part {
  bytes: Buffer
  key: KeyValue[] | null
}

async function* parts(
  header: ArtifactHeader,
  records: AsyncIterable<RecordLine[]>,
  trailer: () => Promise<ArtifactTrailer>,
): AsyncGenerator<Part[]> {
  const { dataset, scope, trigger, takenAt, source, definition } = header
  const opening = JSON.stringify({ holdfast: 1, dataset, scope, trigger, takenAt, source, definition })
  yield [{ bytes: Buffer.from(`${opening.slice(0, -1)},"records":[\n`), key: null }]
  yield* separated(records)
  const { absent, counts, stats } = await trailer()
  if (absent !== undefined) {
    yield [{ bytes: Buffer.from('],"absent":[\n'), key: null }]
    yield* separated(absentLines(absent))
  }
  const rest = JSON.stringify({ counts, stats })
  yield [{ bytes: Buffer.from(`],${rest.slice(1)}\n`), key: null }]
}

const between = Buffer.from(',\n')
const last = Buffer.from('\n')

/** Lines with a comma after each but the last: each is held back until it is known whether another follows. */
async function* separated(
  batches: AsyncIterable<{ key: KeyValue[] | null; json: Buffer }[]>,
): AsyncGenerator<Part[]> {
  let held: { key: KeyValue[] | null; json: Buffer } | null = null
  for await (const batch of batches) {
    const ready: Part[] = []
    for (const line of batch) {
      if (held !== null) ready.push({ key: held.key, bytes: held.json }, { key: null, bytes: between })
      held = line
    }
    yield ready
  }
  if (held !== null)
    yield [
      { key: held.key, bytes: held.json },
      { key: null, bytes: last },
    ]
}

async function* absentLines(
  batches: AsyncIterable<KeyValue[][]>,
): AsyncGenerator<{ key: null; json: Buffer }[]> {
  for await (const batch of batches)
    yield batch.map((key) => ({ key: null, json: Buffer.from(JSON.stringify(key)) }))
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

class FrameWriter {
  #whole = createHash('sha256')
  #bytes = 0
  #storedBytes = 0
  #frames: Frame[] = []

  /** The stored bytes, frame after frame; a few are compressed ahead. */
  async *stored(parts: AsyncIterable<Part[]>): AsyncGenerator<Buffer> {
    const compressing: Promise<{ frame: Omit<Frame, 'storedOffset'>; stored: Buffer }>[] = []
    for await (const frame of this.#cut(parts)) {
      const closed = this.#close(frame)
      closed.catch(() => undefined)
      compressing.push(closed)
      if (compressing.length >= framesInFlight) yield this.#append(await compressing.shift()!)
    }
    for (const next of compressing) yield this.#append(await next)
  }

  summary(): Omit<WrittenArtifact, 'storedBytes'> {
    return { sha256: this.#whole.digest('hex'), bytes: this.#bytes, frames: this.#frames }
  }

  async *#cut(batches: AsyncIterable<Part[]>): AsyncGenerator<OpenFrame> {
    let open = this.#open()
    for await (const batch of batches) {
      for (const { bytes, key } of batch) {
        if (key !== null) {
          if (open.bytes >= frameBytes) {
            yield open
            open = this.#open()
          }
          open.firstKey ??= key
          open.records++
        }
        open.pieces.push(bytes)
        open.bytes += bytes.length
        this.#bytes += bytes.length
      }
    }
    yield open
  }

  #open(): OpenFrame {
    return { offset: this.#bytes, pieces: [], bytes: 0, firstKey: null, records: 0 }
  }

  async #close({ offset, pieces, bytes, firstKey, records }: OpenFrame) {
    const content = Buffer.concat(pieces, bytes)
    this.#whole.update(content)
    const sha256 = digest(content)
    const stored = await compress(content, {
      chunkSize: pieceBytes,
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    })
    const storedSha256 = digest(stored)
    const frame = { storedBytes: stored.length, storedSha256, offset, bytes, sha256, firstKey, records }
    return { frame, stored }
  }

  #append({ frame, stored }: { frame: Omit<Frame, 'storedOffset'>; stored: Buffer }): Buffer {
    this.#frames.push({ storedOffset: this.#storedBytes, ...frame })
    this.#storedBytes += stored.length
    return stored
  }
}
