import { toCopyText } from './values.ts'

const backslash = 0x5c
const letterU = 0x75
const quote = 0x22
const slash = 0x2f

/** Rows in COPY's text format in the making: bytes that grow as they come. */
export class CopyText {
  #bytes = Buffer.allocUnsafe(65_536)
  #spare = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Text that needs no escaping any more. */
  text(text: string): void {
    this.#reserve(text.length * 3)
    this.#length += this.#bytes.write(text, this.#length)
  }

  byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = byte
  }

  /** Bytes that need no escaping, from `start` up to `end`. */
  bytes(from: Buffer, start: number, end: number): void {
    this.#reserve(end - start)
    this.#length += from.copy(this.#bytes, this.#length, start, end)
  }

  /**
   * What stands between the quotes of a JSON string, from `start` up to `end`, as a field. COPY knows JSON's escapes but
   * for those of quotes and slashes, which it wants bare, and for code points.
   */
  json(from: Buffer, start: number, end: number): void {
    this.#reserve(end - start)
    const bytes = this.#bytes
    let length = this.#length
    for (let at = start; at < end; at++) {
      let byte = from[at]!
      if (byte === backslash) {
        byte = from[++at]!
        if (byte === letterU) return this.text(unescaped(from, start, end))
        if (byte !== quote && byte !== slash) bytes[length++] = backslash
      }
      bytes[length++] = byte
    }
    this.#length = length
  }

  /** What was written, valid until the next time: two lots of bytes take turns. New ones each time keep the collector busy. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    ;[this.#bytes, this.#spare] = [this.#spare, this.#bytes]
    this.#length = 0
    return taken
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#length + more, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

function unescaped(from: Buffer, start: number, end: number): string {
  return toCopyText(JSON.parse(from.toString('utf8', start - 1, end + 1)) as string)
}
