import { once } from 'node:events'
import type { Duplex, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'

const lineFeed = 0x0a
/** Between the columns of a line. JSON escapes control characters, so it never occurs inside one. */
export const fieldSeparator = 0x02

/** What pg's clients have beneath: the types leave it out. */
type ClientWithSocket = pg.ClientBase & { connection: { stream: Duplex } }

/**
 * Rows of a query, streamed. Each column must be JSON text or text without control characters: then COPY's csv form
 * with two control characters for quote and delimiter needs no escaping at all.
 */
export class RowReader {
  #client: ClientWithSocket
  #stream: Readable
  #chunks: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  /** A line that came in several chunks. */
  #split: Buffer | null = null
  #ended = false

  constructor(client: pg.ClientBase, query: string) {
    const sql = `COPY (${query}) TO STDOUT (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02', ENCODING 'UTF8')`
    this.#client = client as ClientWithSocket
    this.#stream = openStream(client, sql)
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The next line without its line feed, if a whole one has arrived; null says to `fill`. Valid until then. */
  next(): Buffer | null {
    if (this.#split !== null) return this.#takeSplit()
    const end = this.#chunk.indexOf(lineFeed, this.#at)
    if (end < 0) return null
    const line = this.#chunk.subarray(this.#at, end)
    this.#at = end + 1
    return line
  }

  #takeSplit(): Buffer {
    const line = this.#split!
    this.#split = null
    return line
  }

  /** Waits for more; false when the rows have ended. */
  async fill(): Promise<boolean> {
    if (this.#ended) return false
    const pieces = [this.#chunk.subarray(this.#at)]
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done) {
        this.#ended = true
        this.#chunk = Buffer.alloc(0)
        this.#at = 0
        if (pieces.some((piece) => piece.length > 0))
          throw new Error('the source ended in the middle of a row')
        return false
      }
      const end = value.indexOf(lineFeed)
      if (end < 0) pieces.push(value)
      else {
        this.#split = Buffer.concat([...pieces, value.subarray(0, end)])
        this.#chunk = value
        this.#at = end + 1
        return true
      }
    }
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

/** Splits a line into its columns: `count` of them, the last one taking the rest. */
export function splitFields(line: Buffer, count: number): Buffer[] {
  const fields: Buffer[] = []
  let start = 0
  for (let i = 1; i < count; i++) {
    const end = line.indexOf(fieldSeparator, start)
    fields.push(line.subarray(start, end))
    start = end + 1
  }
  fields.push(line.subarray(start))
  return fields
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
