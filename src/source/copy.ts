import { once } from 'node:events'
import type { Duplex, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'

/** What pg's clients have beneath: the types leave it out. */
type ClientWithSocket = pg.ClientBase & { connection: { stream: Duplex } }

/** What COPY's binary form begins with: a signature, flags and the length of an extension, none of which say anything. */
const headerBytes = 19

/**
 * Rows of a query, streamed, each of whose columns must be text. In COPY's binary form, which costs the server less than
 * looking at every character for what would have to be quoted; text has the session's encoding in it.
 * https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT
 */
export class RowReader {
  #client: ClientWithSocket
  #stream: Readable
  #chunks: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  /** How much of the header is still to come. */
  #header = headerBytes
  /** A row that came in several chunks. */
  #split: Buffer | null = null
  #ended = false

  constructor(client: pg.ClientBase, query: string) {
    this.#client = client as ClientWithSocket
    this.#stream = openStream(client, `COPY (${query}) TO STDOUT (FORMAT binary)`)
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The next row, for `splitFields`, if a whole one has arrived; null says to `fill`. Valid until then. */
  next(): Buffer | null {
    if (this.#split !== null) return this.#takeSplit()
    const end = rowEnd(this.#chunk, this.#at)
    if (end > this.#chunk.length || isTrailer(this.#chunk, this.#at)) return null
    const row = this.#chunk.subarray(this.#at + countBytes, end)
    this.#at = end
    return row
  }

  #takeSplit(): Buffer {
    const row = this.#split!
    this.#split = null
    return row
  }

  /** Waits for more; false when the rows have ended. */
  async fill(): Promise<boolean> {
    if (this.#ended) return false
    let row = this.#chunk.subarray(this.#at)
    let pieces = [row]
    let length = row.length
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done) return this.#end(row)
      let at = Math.min(this.#header, value.length)
      this.#header -= at
      for (let wanted = rowEnd(row, 0); length < wanted && at < value.length;) {
        const piece = value.subarray(at, at + wanted - length)
        pieces.push(piece)
        at += piece.length
        length += piece.length
        if (length < wanted) break
        row = Buffer.concat(pieces)
        pieces = [row]
        wanted = rowEnd(row, 0)
      }
      if (length < rowEnd(row, 0) || isTrailer(row, 0)) continue
      this.#split = row.subarray(countBytes)
      this.#chunk = value
      this.#at = at
      return true
    }
  }

  #end(rest: Buffer): false {
    this.#ended = true
    this.#chunk = Buffer.alloc(0)
    this.#at = 0
    if (rest.length !== countBytes || !isTrailer(rest, 0))
      throw new Error('the source ended in the middle of a row')
    return false
  }

  /**
   * Gives up on the rest, if there is any. The server goes on sending until it is cut off, so the connection is closed
   * the hard way; whoever lent it discards it.
   */
  destroy(): void {
    if (this.#ended) return
    this.#stream.destroy()
    this.#client.connection.stream.destroy()
  }
}

/**
 * A connection that is lost before somebody reads, or after the last row while the server has yet to say that it is done,
 * is told to the stream when nobody listens, which ends the process. It is kept for whoever reads next.
 */
function openStream(client: pg.ClientBase, sql: string): Readable {
  const stream: Readable = client.query(copyTo(sql, { highWaterMark: 262_144 }))
  return stream.on('error', (error) => stream.destroy(error))
}

/** The output of a COPY … TO STDOUT statement. */
export interface OpenCopy {
  chunks: AsyncIterable<Buffer>
  /** Gives up on the rest, if there is any, as `RowReader.destroy` does. */
  destroy(): void
}

/** Starts a COPY … TO STDOUT whose bytes are wanted as they are. */
export function openCopy(client: pg.ClientBase, sql: string): OpenCopy {
  const stream = openStream(client, sql)
  return {
    chunks: stream,
    destroy() {
      if (stream.readableEnded) return
      stream.destroy()
      ;(client as ClientWithSocket).connection.stream.destroy()
    },
  }
}

/** Of a row's count of columns, and of a column's length, in bytes. */
const countBytes = 2
export const lengthBytes = 4

/** Where the row ends that begins at `start`; while too little of it is there to tell, the least that must come. */
function rowEnd(bytes: Buffer, start: number): number {
  let end = start + countBytes
  if (end > bytes.length) return end
  for (let fields = bytes.readInt16BE(start); fields > 0; fields--) {
    if (end + lengthBytes > bytes.length) return end + lengthBytes
    end += lengthBytes + Math.max(bytes.readInt32BE(end), 0)
  }
  return end
}

/** What stands after the last row. */
function isTrailer(bytes: Buffer, start: number): boolean {
  return start + countBytes <= bytes.length && bytes.readInt16BE(start) === -1
}

/** Splits a row into its first columns, `count` of them. NULL is empty. */
export function splitFields(row: Buffer, count: number): Buffer[] {
  const fields: Buffer[] = []
  for (let i = 0, start = 0; i < count; i++) {
    const length = Math.max(row.readInt32BE(start), 0)
    start += lengthBytes
    fields.push(row.subarray(start, start + length))
    start += length
  }
  return fields
}

/** Whether a row's first column is that text. By hand: calling out for each of millions costs more than comparing. */
export function startsWithField(row: Buffer, text: Buffer): boolean {
  if (row.readInt32BE(0) !== text.length) return false
  for (let i = 0; i < text.length; i++) if (row[lengthBytes + i] !== text[i]) return false
  return true
}

/**
 * Sends rows into a table in COPY's text format.
 * @param target what stands between COPY and FROM: a quoted table with its column list
 * @returns how many rows arrived
 */
export async function copyRows(client: pg.ClientBase, target: string, rows: Buffer): Promise<number> {
  const stream = client.query(copyFrom(`COPY ${target} FROM STDIN`))
  const done = finished(stream)
  if (!stream.write(rows)) await Promise.race([once(stream, 'drain'), done])
  stream.end()
  await done
  return stream.rowCount
}
