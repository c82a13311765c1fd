const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d

const pieceBytes = 1_048_576

/**
 * Makes COPY's csv RFC 4180's: rows end in CRLF, which COPY doesn't print. Line feeds inside of quotes stay as they
 * are. Counts the rows on the way.
 */
export class CsvLines {
  rows = 0
  #quoted = false

  /**
   * @param chunks of COPY's output, cut anywhere
   * @returns larger pieces, which cost less to pass on
   */
  async *convert(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let output = Buffer.allocUnsafe(pieceBytes)
    let length = 0
    for await (const chunk of chunks) {
      const ends = this.#rowEnds(chunk)
      if (length + chunk.length + ends.length > output.length) {
        yield output.subarray(0, length)
        output = Buffer.allocUnsafe(Math.max(pieceBytes, chunk.length + ends.length))
        length = 0
      }
      let copied = 0
      for (const end of ends) {
        length += chunk.copy(output, length, copied, end)
        output[length++] = carriageReturn
        output[length++] = lineFeed
        copied = end + 1
      }
      length += chunk.copy(output, length, copied)
      this.rows += ends.length
    }
    if (length > 0) yield output.subarray(0, length)
  }

  /** Where the line feeds are that aren't quoted. A quote inside of quotes is doubled, which closes and opens again. */
  #rowEnds(chunk: Buffer): number[] {
    const ends: number[] = []
    let at = chunk.indexOf(quote)
    let end = chunk.indexOf(lineFeed)
    while (at >= 0) {
      while (!this.#quoted && end >= 0 && end < at) {
        ends.push(end)
        end = chunk.indexOf(lineFeed, end + 1)
      }
      this.#quoted = !this.#quoted
      if (!this.#quoted && end >= 0 && end < at) end = chunk.indexOf(lineFeed, at + 1)
      at = chunk.indexOf(quote, at + 1)
    }
    for (; !this.#quoted && end >= 0; end = chunk.indexOf(lineFeed, end + 1)) ends.push(end)
    return ends
  }
}
