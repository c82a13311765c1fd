import type pg from 'pg'
import { RowReader } from './copy.ts'

/** A source of rows, each a line of columns; see RowReader, which streams them, and RowBuffer, which holds them. */
export interface Rows {
  /** The next line, if one is at hand; null says to `fill`. */
  next(): Buffer | null
  /** Waits for more; false when the rows have ended. */
  fill(): Promise<boolean>
  destroy(): void
}

/** The rows of a small query, read whole over a connection that others use in turn. */
export class RowBuffer implements Rows {
  #client: pg.ClientBase
  #query: string
  #lines: Buffer[] | null = null
  #at = 0

  constructor(client: pg.ClientBase, query: string) {
    this.#client = client
    this.#query = query
  }

  next(): Buffer | null {
    return this.#lines?.[this.#at++] ?? null
  }

  async fill(): Promise<boolean> {
    if (this.#lines !== null) return false
    this.#lines = []
    const reader = new RowReader(this.#client, this.#query)
    while (await reader.fill())
      for (let line = reader.next(); line !== null; line = reader.next()) this.#lines.push(line)
    return this.#lines.length > 0
  }

  destroy(): void {
    this.#lines = []
  }
}
