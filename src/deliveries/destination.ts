import type { Readable } from 'node:stream'
import type { ByteRange } from '../platform/byte-ranges.ts'

/** A file to deliver. */
export interface Original {
  bytes: number
  /** In hex, where somebody wrote it down. */
  sha256: string | null
  /** The file's bytes, or some of them; a new stream each time. @throws Problem STORE_… */
  open(range?: ByteRange): Promise<Readable>
}

/** A file that is at the destination, whole. */
export interface Copied {
  bytes: number
  /** Of the bytes that were sent, in hex. */
  sha256: string
  /** How the destination's copy was compared: all its bytes read back, by a hash that it told, or by size only. */
  compared: 'sha256' | 'quickXorHash' | 'size'
  /** Where people find it. */
  url: string | null
}

/** Where files are delivered to. */
export interface Destination {
  /**
   * Copies a file, whole or not at all, and compares the copy. A file of the same bytes that is there already is the
   * copy: whose answer got lost is never sent twice. Overwrites nothing.
   * @param path relative, with `/` between safe names
   * @throws Problem DELIVERY_CONFLICT, DELIVERY_ORIGINAL_DIFFERS, DELIVERY_COPY_DIFFERS, DELIVERY_REFUSED, STORE_…;
   *   BatchPaused when no other file would fare better
   */
  put(original: Original, path: string, signal: AbortSignal): Promise<Copied>
}
