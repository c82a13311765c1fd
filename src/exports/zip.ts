import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'

/** A file to be: its name within the zip is relative, its folders divided by `/`. */
export interface ZipSource {
  name: string
  modifiedAt: Date
  /** Its bytes; each piece is compressed by itself, so small ones compress badly. */
  content: AsyncIterable<Buffer>
}

/** What the directory at the end says of a file; sizes and offset in bytes. */
export interface ZipEntry {
  name: string
  modifiedAt: Date
  crc: number
  size: number
  compressed: number
  /** Where its header begins in the zip. */
  offset: number
}

/** Pieces that are compressed at the same time, on threads: PostgreSQL keeps a core busy meanwhile. */
const piecesAtOnce = 3

/** From this size on a number is written as 64 bits (zip64). */
const zip64From = 0xffff_ffff

const compress = promisify(deflateRaw) as (
  piece: Buffer,
  options: { level: number; chunkSize: number; finishFlush: number },
) => Promise<Buffer>

/**
 * A zip of files, made as it is read: one after the other, in flat memory, of any size. Readers take the sizes from the
 * directory at the end. Libraries compress in one stream, which the rows then wait for: half as long again as this.
 * Written as PKWARE's APPNOTE 6.3.10 has it: deflate, UTF-8 names, data descriptors, zip64 where needed.
 * @throws whatever reading a file's content throws
 */
export async function* zip(sources: Iterable<ZipSource>): AsyncGenerator<Buffer> {
  const entries: ZipEntry[] = []
  let offset = 0
  for (const { content, ...source } of sources) {
    const entry = { ...source, crc: 0, size: 0, compressed: 0, offset }
    const header = localHeader(entry)
    yield header
    for await (const piece of deflated(content, entry)) {
      entry.compressed += piece.length
      yield piece
    }
    const descriptor = dataDescriptor(entry)
    yield descriptor
    offset += header.length + entry.compressed + descriptor.length
    entries.push(entry)
  }
  yield zipDirectory(entries, offset)
}

/**
 * A deflate stream (RFC 1951) of parts that were compressed by themselves, several at a time: a flush ends each at a
 * byte, and an empty block ends the whole.
 */
async function* deflated(content: AsyncIterable<Buffer>, entry: ZipEntry): AsyncGenerator<Buffer> {
  const options = { level: 1, chunkSize: 262_144, finishFlush: constants.Z_SYNC_FLUSH }
  const underWay: Promise<Buffer>[] = []
  for await (const piece of content) {
    entry.crc = crc32(piece, entry.crc)
    entry.size += piece.length
    const part = compress(piece, options)
    part.catch(() => undefined) // Whoever awaits it hears of it.
    underWay.push(part)
    if (underWay.length === piecesAtOnce) yield await underWay.shift()!
  }
  for (const part of underWay) yield await part
  yield Buffer.from([0x03, 0x00])
}

function localHeader({ name, modifiedAt }: ZipEntry): Buffer {
  const bytes = Buffer.from(name)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x0403_4b50, 0)
  writeCommon(header, 4, modifiedAt, false)
  header.writeUInt16LE(bytes.length, 26)
  return Buffer.concat([header, bytes])
}

/** What both headers of a file begin with, from the version that is needed on. */
function writeCommon(header: Buffer, at: number, modifiedAt: Date, isZip64: boolean): void {
  header.writeUInt16LE(isZip64 ? 45 : 20, at)
  header.writeUInt16LE(0x0808, at + 2) // The name is UTF-8, crc and sizes follow the data.
  header.writeUInt16LE(8, at + 4) // Deflate.
  header.writeUInt32LE(dosTime(modifiedAt), at + 6)
}

function dataDescriptor(entry: ZipEntry): Buffer {
  const isZip64 = needsZip64(entry)
  const descriptor = Buffer.alloc(isZip64 ? 24 : 16)
  descriptor.writeUInt32LE(0x0807_4b50, 0)
  descriptor.writeUInt32LE(entry.crc, 4)
  writeSize(descriptor, entry.compressed, 8, isZip64)
  writeSize(descriptor, entry.size, isZip64 ? 16 : 12, isZip64)
  return descriptor
}

/**
 * What ends a zip: where each file is, and where this directory is.
 * @param offset where it begins
 */
export function zipDirectory(entries: readonly ZipEntry[], offset: number): Buffer {
  const records = Buffer.concat(entries.map(directoryRecord))
  const isZip64 = offset >= zip64From || records.length >= zip64From || entries.length >= 0xffff
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x0605_4b50, 0)
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 8)
  end.writeUInt16LE(Math.min(entries.length, 0xffff), 10)
  end.writeUInt32LE(Math.min(records.length, zip64From), 12)
  end.writeUInt32LE(Math.min(offset, zip64From), 16)
  return Buffer.concat([records, ...(isZip64 ? [zip64End(entries.length, records.length, offset)] : []), end])
}

function directoryRecord(entry: ZipEntry): Buffer {
  const isZip64 = needsZip64(entry)
  const name = Buffer.from(entry.name)
  const extra = Buffer.concat([timestamp(entry.modifiedAt), ...(isZip64 ? [zip64Sizes(entry)] : [])])
  const record = Buffer.alloc(46)
  record.writeUInt32LE(0x0201_4b50, 0)
  record.writeUInt16LE((3 << 8) | 63, 4) // Made on Unix, by version 6.3.
  writeCommon(record, 6, entry.modifiedAt, isZip64)
  record.writeUInt32LE(entry.crc, 16)
  record.writeUInt32LE(isZip64 ? zip64From : entry.compressed, 20)
  record.writeUInt32LE(isZip64 ? zip64From : entry.size, 24)
  record.writeUInt16LE(name.length, 28)
  record.writeUInt16LE(extra.length, 30)
  record.writeUInt32LE((0o100644 << 16) >>> 0, 38)
  record.writeUInt32LE(isZip64 ? zip64From : entry.offset, 42)
  return Buffer.concat([record, name, extra])
}

/** Info-ZIP's extra field of the time of the last change, in UTC, since the headers' is that of some zone. */
function timestamp(modifiedAt: Date): Buffer {
  const field = Buffer.alloc(9)
  field.writeUInt16LE(0x5455, 0)
  field.writeUInt16LE(5, 2)
  field.writeUInt8(3, 4)
  field.writeInt32LE(Math.min(Math.floor(modifiedAt.getTime() / 1000), 0x7fff_ffff), 5)
  return field
}

function zip64Sizes({ size, compressed, offset }: ZipEntry): Buffer {
  const field = Buffer.alloc(28)
  field.writeUInt16LE(0x0001, 0)
  field.writeUInt16LE(24, 2)
  for (const [i, value] of [size, compressed, offset].entries())
    field.writeBigUInt64LE(BigInt(value), 4 + 8 * i)
  return field
}

/** The zip64 form of what ends a zip, and what says where it is. */
function zip64End(entries: number, bytes: number, offset: number): Buffer {
  const end = Buffer.alloc(56 + 20)
  end.writeUInt32LE(0x0606_4b50, 0)
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE((3 << 8) | 63, 12)
  end.writeUInt16LE(45, 14)
  for (const [i, value] of [entries, entries, bytes, offset].entries())
    end.writeBigUInt64LE(BigInt(value), 24 + 8 * i)
  end.writeUInt32LE(0x0706_4b50, 56)
  end.writeBigUInt64LE(BigInt(offset + bytes), 64)
  end.writeUInt32LE(1, 72)
  return end
}

function needsZip64({ size, compressed, offset }: ZipEntry): boolean {
  return Math.max(size, compressed, offset) >= zip64From
}

function writeSize(buffer: Buffer, size: number, at: number, isZip64: boolean): void {
  if (isZip64) buffer.writeBigUInt64LE(BigInt(size), at)
  else buffer.writeUInt32LE(size, at)
}

/** MS-DOS's form of a time, in this process's zone, within the years that it has: time below, date above. */
function dosTime(at: Date): number {
  const year = Math.min(Math.max(at.getFullYear(), 1980), 2107)
  const date = ((year - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate()
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1)
  return ((date << 16) | time) >>> 0
}
