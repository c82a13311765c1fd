import { zstdDecompressSync } from 'node:zlib'

/**
 * Decompresses all frames of a zstd file, as the zstd program does. Node's own functions take the first frame for the
 * whole. Frames are found by walking their blocks (RFC 8878, section 3.1.1).
 */
export function unzstd(file: Buffer): Buffer {
  const contents: Buffer[] = []
  for (let at = 0; at < file.length;) {
    const end = endOfFrame(file, at)
    contents.push(zstdDecompressSync(file.subarray(at, end)))
    at = end
  }
  return Buffer.concat(contents)
}

function endOfFrame(file: Buffer, start: number): number {
  if (file.readUInt32LE(start) !== 0xfd2fb528) throw new Error(`no zstd frame at byte ${start}`)
  const descriptor = file[start + 4]!
  const singleSegment = (descriptor & 0x20) !== 0
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const dictionaryId = [0, 1, 2, 4][descriptor & 3]!
  let at = start + 5 + (singleSegment ? 0 : 1) + dictionaryId + contentSize
  for (let last = false; !last;) {
    const header = file.readUIntLE(at, 3)
    last = (header & 1) === 1
    const isRepeatedByte = ((header >> 1) & 3) === 1
    at += 3 + (isRepeatedByte ? 1 : header >> 3)
  }
  const checksum = (descriptor & 4) !== 0 ? 4 : 0
  return at + checksum
}
