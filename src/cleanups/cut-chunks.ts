/** Records in one transaction at most, their rows, and the bytes of their lines: so that locks are held under a second. */
const chunkRecords = 1000
const chunkRows = 25_000
const chunkBytes = 4_194_304

/** Cuts records into chunks, in their order. */
export class ChunkCutter {
  #chunk = 1
  #records = 0
  #rows = 0
  #bytes = 0

  /** @returns the number of the chunk that the next record belongs to, from 1 */
  chunkOf({ json, rows }: { json: Buffer; rows: number[] }): number {
    const count = rows.reduce((sum, some) => sum + some, 0)
    const full =
      this.#records === chunkRecords ||
      (this.#records > 0 && (this.#rows + count > chunkRows || this.#bytes + json.length > chunkBytes))
    if (full) {
      this.#chunk++
      this.#records = this.#rows = this.#bytes = 0
    }
    this.#records++
    this.#rows += count
    this.#bytes += json.length
    return this.#chunk
  }
}
