import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { Problem } from '../platform/errors.ts'
import type { Store } from '../storage/store.ts'
import { readKey } from './record-key.ts'
import { snapshotProblems } from './errors.ts'
import type { Frame, KeyValue } from './manifest.ts'

const decompress = promisify(zstdDecompress)

/** Where an artifact lies and what it must be. */
export interface StoredArtifact {
  key: string
  sha256: string
  bytes: number
  storedBytes: number
  frames: Frame[]
}

export interface ArtifactVerification {
  ok: boolean
  /** Of what was read, hex; null when it could not even be decompressed. */
  sha256: string | null
  /** Uncompressed bytes that were read. */
  bytes: number
  problems: string[]
}

/**
 * Re-reads every stored byte and compares with what was recorded.
 * @throws Problem STORE_UNREACHABLE when the store can't be read: that says nothing about the artifact
 */
export async function verifyArtifact(
  store: Store,
  artifact: StoredArtifact,
  signal?: AbortSignal,
): Promise<ArtifactVerification> {
  const whole = createHash('sha256')
  let bytes = 0
  try {
    for await (const content of readFrames(store, artifact, artifact.frames)) {
      signal?.throwIfAborted()
      whole.update(content)
      bytes += content.length
    }
  } catch (error) {
    if (!(error instanceof Problem) || !damage.has(error.code)) throw error
    return { ok: false, sha256: null, bytes, problems: [error.message] }
  }
  const sha256 = whole.digest('hex')
  const problems = [
    ...(bytes === artifact.bytes ? [] : [`it has ${bytes} bytes instead of ${artifact.bytes}`]),
    ...(sha256 === artifact.sha256 ? [] : [`its SHA-256 is ${sha256} instead of ${artifact.sha256}`]),
  ]
  return { ok: problems.length === 0, sha256, bytes, problems }
}

const damage = new Set(['SNAPSHOT_CORRUPT', 'STORE_OBJECT_MISSING'])

/**
 * Hashes every stored byte, without looking into what it holds: for whoever is about to act on content before all was read.
 * @throws Problem SNAPSHOT_CORRUPT, STORE_OBJECT_MISSING, STORE_UNREACHABLE
 */
export async function requireStored(
  store: Store,
  artifact: StoredArtifact,
  signal: AbortSignal,
): Promise<void> {
  for await (const _frame of readFrames(store, artifact, artifact.frames, requireSame))
    signal.throwIfAborted()
}

/**
 * The uncompressed bytes of an artifact, or a part of them; reads only the frames that hold it.
 * @param range inclusive at both ends, in uncompressed bytes
 * @throws Problem SNAPSHOT_CORRUPT, in the stream, when a frame isn't what was recorded
 */
export function readArtifact(
  store: Store,
  artifact: StoredArtifact,
  range: { start: number; end: number } = { start: 0, end: artifact.bytes - 1 },
): Readable {
  const frames = artifact.frames.filter(
    (frame) => frame.offset <= range.end && frame.offset + frame.bytes > range.start,
  )
  return Readable.from(slices(store, artifact, frames, range), { objectMode: false })
}

async function* slices(
  store: Store,
  artifact: StoredArtifact,
  frames: Frame[],
  { start, end }: { start: number; end: number },
): AsyncGenerator<Buffer> {
  let i = 0
  for await (const content of readFrames(store, artifact, frames)) {
    const { offset } = frames[i++]!
    yield content.subarray(Math.max(0, start - offset), Math.min(content.length, end + 1 - offset))
  }
}

/** A record as it stands in an artifact. */
export interface ArtifactRecord {
  key: KeyValue[]
  json: Buffer
}

/**
 * Streams an artifact's records in key order.
 * @param keyColumns how many columns the root's key has
 * @param frames only these, for a part of the records; default all
 */
export async function* readRecords(
  store: Store,
  artifact: StoredArtifact,
  keyColumns: number,
  frames: Frame[] = artifact.frames,
): AsyncGenerator<ArtifactRecord[]> {
  for await (const content of readFrames(store, artifact, frames)) {
    const batch: ArtifactRecord[] = []
    for (const json of recordLines(content)) batch.push({ key: readKey(json, keyColumns), json })
    if (batch.length > 0) yield batch
  }
}

/** Keys of records that were not there when a safety snapshot was taken; see ArtifactTrailer. */
export async function* readAbsentKeys(store: Store, artifact: StoredArtifact): AsyncGenerator<KeyValue[][]> {
  for await (const content of readFrames(store, artifact, artifact.frames)) {
    const batch = lines(content)
      .filter((line) => line[0] === openBracket && line.length > 2)
      .map((line) => JSON.parse(line.toString()) as KeyValue[])
    if (batch.length > 0) yield batch
  }
}

const openBrace = 0x7b
const openBracket = 0x5b
const comma = 0x2c
const lineFeed = 0x0a

/** The artifact's first line also starts with a brace; it ends with the bracket that opens the records. */
function recordLines(content: Buffer): Buffer[] {
  return lines(content).filter((line) => line[0] === openBrace && line.at(-1) !== openBracket)
}

function lines(content: Buffer): Buffer[] {
  const found: Buffer[] = []
  let start = 0
  while (start < content.length) {
    const end = content.indexOf(lineFeed, start)
    const stop = end < 0 ? content.length : end
    found.push(content.subarray(start, content[stop - 1] === comma ? stop - 1 : stop))
    start = stop + 1
  }
  return found
}

/** The first line of an artifact: what it tells of itself. */
export async function readHeader(store: Store, artifact: StoredArtifact): Promise<Record<string, unknown>> {
  for await (const content of readFrames(store, artifact, artifact.frames.slice(0, 1))) {
    const [first] = lines(content)
    return JSON.parse(`${first!.toString()}]}`) as Record<string, unknown>
  }
  throw snapshotProblems.SNAPSHOT_CORRUPT(`The artifact ${artifact.key} is empty.`)
}

/**
 * The content of consecutive frames, each hashed before it is handed on, one decompressed ahead.
 * @throws Problem SNAPSHOT_CORRUPT, STORE_OBJECT_MISSING, STORE_UNREACHABLE
 */
async function* readFrames(
  store: Store,
  artifact: StoredArtifact,
  frames: Frame[],
  read: typeof open = open,
): AsyncGenerator<Buffer> {
  const [first, final] = [frames[0], frames.at(-1)]
  if (first === undefined || final === undefined) return
  const whole = frames.length === artifact.frames.length
  const range = { start: first.storedOffset, end: final.storedOffset + final.storedBytes - 1 }
  const stored = new ByteReader(await store.get(artifact.key, whole ? undefined : range))
  try {
    let ahead: Promise<Buffer> | null = null
    for (const frame of frames) {
      const bytes = await stored.take(frame.storedBytes)
      const content = read(artifact, frame, bytes)
      content.catch(() => undefined)
      if (ahead !== null) yield await ahead
      ahead = content
    }
    if (ahead !== null) yield await ahead
    if (whole && !(await stored.ended())) throw corrupt(artifact, 'it is longer than recorded')
  } finally {
    stored.destroy()
  }
}

/** What is decompressed at a time at most, in bytes, whatever a manifest says that a frame holds. */
const largestPiece = 4_194_304

/** Frames of artifacts from before their stored bytes were hashed can only be told by their content. */
async function requireSame(artifact: StoredArtifact, frame: Frame, stored: Buffer): Promise<Buffer> {
  if (frame.storedSha256 === undefined) return open(artifact, frame, stored)
  if (stored.length < frame.storedBytes) throw corrupt(artifact, 'it is shorter than recorded')
  if (digest(stored) !== frame.storedSha256)
    throw corrupt(artifact, `what is stored at byte ${frame.storedOffset} is not what was stored`)
  return stored
}

async function open(artifact: StoredArtifact, frame: Frame, stored: Buffer): Promise<Buffer> {
  // Some bits of a zstd frame mean nothing, and what isn't what was stored is given to no decompressor.
  if (frame.storedSha256 !== undefined) await requireSame(artifact, frame, stored)
  else if (stored.length < frame.storedBytes) throw corrupt(artifact, 'it is shorter than recorded')
  let content: Buffer
  try {
    // In one piece, with room to see that it ends there: the default of 16 kB a piece takes longer than decompressing.
    const chunkSize = Math.min(frame.bytes + 64, largestPiece)
    content = await decompress(stored, { maxOutputLength: Math.max(frame.bytes, 1), chunkSize })
  } catch (error) {
    throw corrupt(artifact, `what is stored at byte ${frame.storedOffset} cannot be decompressed`, error)
  }
  if (digest(content) !== frame.sha256)
    throw corrupt(artifact, `bytes ${frame.offset} and on are not what was recorded`)
  return content
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function corrupt(artifact: StoredArtifact, what: string, cause?: unknown): Problem {
  return snapshotProblems.SNAPSHOT_CORRUPT(`The artifact ${artifact.key} is damaged: ${what}.`, { cause })
}

/** Takes exact lengths off a stream. */
class ByteReader {
  #stream: Readable
  #chunks: AsyncIterator<Buffer>
  #pieces: Buffer[] = []
  #length = 0

  constructor(stream: Readable) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The next `length` bytes; fewer when the stream ends before. */
  async take(length: number): Promise<Buffer> {
    while (this.#length < length && (await this.#fill()));
    const all = Buffer.concat(this.#pieces)
    const rest = all.subarray(length)
    this.#pieces = [rest]
    this.#length = rest.length
    return all.subarray(0, length)
  }

  async ended(): Promise<boolean> {
    return this.#length === 0 && !(await this.#fill())
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#chunks.next()
    if (done) return false
    this.#pieces.push(value)
    this.#length += value.length
    return true
  }

  destroy(): void {
    this.#stream.destroy()
  }
}
