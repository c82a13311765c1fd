import type { Readable } from 'node:stream'
import type { ByteRange } from '../platform/byte-ranges.ts'

/** What a store says of one object. `bytes` are the stored bytes, as they lie there. */
export interface StoredObject {
  key: string
  bytes: number
  modifiedAt: Date
}

/**
 * Where artifacts or the application's files live. One contract, kept by every kind of store and checked by one
 * conformance suite (test/storage/conformance.ts).
 *
 * Keys are relative, `/`-separated, without empty, `.` or `..` segments; anything else is refused with
 * `STORE_KEY_INVALID`. Failures to reach the store raise the problem `STORE_UNREACHABLE`; an object that isn't
 * there raises `STORE_OBJECT_MISSING`. The two are never confused. A store without room raises `STORE_FULL`.
 */
export interface Store {
  /** For people and logs, without secrets: `file:…` or `s3://bucket/prefix`. */
  readonly location: string
  /** Stores the whole stream under `key`: all of it or nothing, replacing what was there. Durable when it resolves
   * (folder: fsync of file and directory). Resolves to the number of bytes stored. When it fails, `body` is destroyed;
   * an error of `body` itself is passed on as it is. */
  put(key: string, body: Readable | Buffer): Promise<number>
  /** The object's bytes; `range` is inclusive at both ends, in bytes, as in HTTP: one that ends beyond the object is cut,
   * one that starts there raises `STORE_RANGE_INVALID`. The stream fails with `STORE_UNREACHABLE` when it is cut short.
   * Who doesn't read it to its end destroys it. */
  get(key: string, range?: ByteRange): Promise<Readable>
  /** Size and time of an object, or null when it isn't there. */
  head(key: string): Promise<StoredObject | null>
  /** Removes an object; one that is gone already is fine. */
  delete(key: string): Promise<void>
  /** All objects whose key starts with `prefix`, in key order (byte order), streamed. */
  list(prefix: string): AsyncIterable<StoredObject>
  /** Resolves when the store can be written and read; raises `STORE_UNREACHABLE` with the reason otherwise. */
  check(): Promise<void>
  /** Removes what puts left behind that died before `olderThan`; no put still at work may be older. Resolves to how
   * many there were. */
  sweep(olderThan: Date): Promise<number>
}
