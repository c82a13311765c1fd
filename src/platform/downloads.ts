import type { Readable } from 'node:stream'
import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseRange, type ByteRange } from './byte-ranges.ts'
import { defineProblems } from './errors.ts'
import { wholeStream } from './whole-stream.ts'

export const downloadProblems = defineProblems({
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    title: 'The file has no such range of bytes',
    hint: 'Content-Range says how long the file is. Ask for a range inside it, or for the whole.',
  },
})

/** One form of the bytes. */
interface Content {
  bytes: number
  /** The whole content, or the bytes of a range of it. */
  open(range?: ByteRange): Promise<Readable>
}

/** A file that doesn't change. */
export interface Download extends Content {
  /** Opaque, without quotes; differs whenever the bytes do. */
  etag: string
  /** As people get it, in any script. */
  filename: string
  contentType: string
  /** Of the bytes, hex. */
  sha256: string
  modifiedAt: Date
  /** The same file compressed, as it is stored. */
  encoding?: { zstd: Content }
}

/** What one request gets: the file as it is, or compressed. */
interface Representation extends Content {
  etag: string
  headers: Record<string, string>
}

/**
 * Answers GET or HEAD with a file: ranges, conditions and digests as in RFC 9110 and RFC 9530. A reader who goes away
 * destroys the stream that `open` gave, and content of another length than announced breaks the connection off.
 * @throws RANGE_NOT_SATISFIABLE; whatever `open` throws
 */
export async function sendDownload(
  request: FastifyRequest,
  reply: FastifyReply,
  download: Download,
): Promise<FastifyReply> {
  const selected = select(request, download)
  const state = describe(reply, download, selected)
  if (isKnown(request, download, selected)) return reply.code(304).headers(state).send()
  const range = rangeOf(request, reply, download, selected)
  const bytes = range ? range.end - range.start + 1 : selected.bytes
  const source = request.method === 'HEAD' ? null : await selected.open(range ?? undefined)
  reply.headers({ ...state, ...describeContent(download), ...selected.headers, 'content-length': bytes })
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${selected.bytes}`)
  return reply.send(source ? wholeStream(source, { bytes, failure: (cause) => cause }) : undefined)
}

/**
 * Compressed only for those who want that more than anything else, as scripts say with `Accept-Encoding: zstd`. Those
 * who list it among others, as browsers and HTTP libraries do, get the file as it is: stored files have several frames,
 * and some of those readers (Node's fetch) take the first for all of it without a word.
 */
function select(request: FastifyRequest, { bytes, open, etag, sha256, encoding }: Download): Representation {
  const digest = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  if (!encoding || !prefersZstd(request.headers['accept-encoding'] ?? ''))
    return { bytes, open, etag: `"${etag}"`, headers: { 'repr-digest': digest } }
  // Repr-Digest would be of the compressed bytes (RFC 9530, section 3.1); this one is of the file they make
  // (draft-ietf-httpbis-unencoded-digest).
  const headers = { 'content-encoding': 'zstd', 'unencoded-digest': digest }
  return { ...encoding.zstd, etag: `"${etag}-zstd"`, headers }
}

function prefersZstd(accepted: string): boolean {
  const weights = new Map(accepted.toLowerCase().split(',').map(codingAndWeight))
  const zstd = weights.get('zstd') ?? 0
  return zstd > 0 && [...weights].every(([coding, weight]) => coding === 'zstd' || weight < zstd)
}

function codingAndWeight(item: string): [string, number] {
  const [coding = '', parameter = 'q=1'] = item.split(';')
  const [, weight = 0] = /^\s*q=([\d.]+)\s*$/.exec(parameter) ?? []
  return [coding.trim(), Number(weight)]
}

/** What a 304 says too. Nobody on the way may recompress what has a digest. */
function describe(reply: FastifyReply, { modifiedAt, encoding }: Download, { etag }: Representation) {
  const others = [reply.getHeader('vary') ?? []].flat().join(', ')
  return {
    etag,
    'last-modified': modifiedAt.toUTCString(),
    'cache-control': 'no-store, no-transform',
    ...(encoding && { vary: others ? `${others}, Accept-Encoding` : 'Accept-Encoding' }),
  }
}

function describeContent({ filename, contentType }: Download) {
  return {
    'content-type': contentType,
    'content-disposition': contentDisposition(harmless(filename)),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
  }
}

/** A name that stays in the folder it is saved to and reads in the order of its letters. */
function harmless(filename: string): string {
  return filename.toWellFormed().replace(/[\p{Cc}\p{Bidi_Control}/\\]/gu, '_')
}

/** Whether the reader has this very content already (RFC 9110, section 13.2.2). */
function isKnown({ headers }: FastifyRequest, { modifiedAt }: Download, { etag }: Representation): boolean {
  const tags = headers['if-none-match']
  if (tags === undefined) return Date.parse(headers['if-modified-since'] ?? '') >= wholeSeconds(modifiedAt)
  return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

/** HTTP's dates know no fractions. */
function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000
}

/** The range to send, or null for the whole: also when `If-Range` says that the reader has a part of something else. */
function rangeOf(
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
  { modifiedAt }: Download,
  { etag, bytes }: Representation,
): ByteRange | null {
  const condition = headers['if-range']
  const isSame = condition === undefined || condition === etag || condition === modifiedAt.toUTCString()
  if (method !== 'GET' || headers.range === undefined || !isSame) return null
  const range = parseRange(headers.range, bytes)
  if (range !== 'unsatisfiable') return range
  reply.header('content-range', `bytes */${bytes}`)
  throw downloadProblems.RANGE_NOT_SATISFIABLE(`The file has ${bytes} bytes.`)
}
