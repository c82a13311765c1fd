import { keyText } from '../holds/hold.ts'
import type { ArtifactRecord } from '../snapshots/artifact-reader.ts'
import type { KeyValue } from '../source/keys.ts'
import type { LeftAlone, LeftCode } from './plan.ts'

/** What becomes of each record of a chunk: one goes only if it was proven and nothing was found against it. */
export class Verdict {
  /** In the order of the chunk. */
  #keys: Map<string, KeyValue[]>
  /** Rows by table, in the order of `tableNodes`. */
  #proven = new Map<string, number[]>()
  #left = new Map<string, LeftAlone>()

  constructor(records: ArtifactRecord[]) {
    this.#keys = new Map(records.map(({ key }) => [keyText(key), key]))
  }

  prove(key: KeyValue[], rows: number[]): void {
    this.#proven.set(keyText(key), rows)
  }

  /** A first reason stands. */
  leave(key: KeyValue[], code: LeftCode, detail: string): void {
    const text = keyText(key)
    if (!this.#left.has(text)) this.#left.set(text, { key: this.#keys.get(text)!, code, detail })
  }

  /** @param key as `keyText` writes it */
  goes(key: string): boolean {
    return this.#proven.has(key) && !this.#left.has(key)
  }

  going(): KeyValue[][] {
    return [...this.#keys].filter(([text]) => this.goes(text)).map(([, key]) => key)
  }

  left(): LeftAlone[] {
    return [...this.#left.values()]
  }

  /** How many rows of each table go. */
  rows(tables: number): number[] {
    const going = [...this.#proven].filter(([text]) => this.goes(text)).map(([, rows]) => rows)
    return Array.from({ length: tables }, (_, i) => going.reduce((sum, rows) => sum + rows[i]!, 0))
  }
}
