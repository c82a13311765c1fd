/** The hash has this many bits; a byte is put in 11 bits further than the one before, so that 160 bytes make a round. */
const width = 160
const shift = 11

/**
 * Microsoft's QuickXorHash, the one hash that OneDrive tells for every kind of account.
 * https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash
 *
 * Bytes that are a round apart land in the same place, so they are put together first, and shifted only at the end.
 */
export class QuickXorHash {
  readonly #round = new Uint8Array(width)
  #at = 0
  #length = 0

  update(bytes: Uint8Array): this {
    const round = this.#round
    let at = this.#at
    for (let i = 0; i < bytes.length; i++) {
      round[at]! ^= bytes[i]!
      at = at === width - 1 ? 0 : at + 1
    }
    this.#at = at
    this.#length += bytes.length
    return this
  }

  /** In Base64, as Graph has it. */
  digest(): string {
    const hash = Buffer.alloc(width / 8)
    for (const [i, byte] of this.#round.entries()) {
      const bit = (i * shift) % width
      const spread = byte << (bit % 8)
      hash[bit >> 3]! ^= spread & 0xff
      hash[((bit >> 3) + 1) % hash.length]! ^= spread >> 8
    }
    // The length, 64 bits little-endian, over the last bytes.
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(this.#length))
    for (const [i, byte] of length.entries()) hash[hash.length - 8 + i]! ^= byte
    return hash.toString('base64')
  }
}
