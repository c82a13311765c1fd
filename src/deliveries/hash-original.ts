import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Original } from './destination.ts'
import { deliveryProblems } from './errors.ts'
import { QuickXorHash } from './quick-xor-hash.ts'

/** What a destination may tell of a file, for comparing. */
export interface Digests {
  bytes: number
  sha256: string
  quickXorHash: string
}

/** Takes a file's bytes as they go by. */
export class Digester {
  readonly #sha256 = createHash('sha256')
  readonly #quickXorHash = new QuickXorHash()
  #bytes = 0

  update(chunk: Buffer): void {
    this.#bytes += chunk.length
    this.#sha256.update(chunk)
    this.#quickXorHash.update(chunk)
  }

  /** Of everything so far; once. */
  digest(): Digests {
    return {
      bytes: this.#bytes,
      sha256: this.#sha256.digest('hex'),
      quickXorHash: this.#quickXorHash.digest(),
    }
  }
}

/** Reads a stream to its end. */
export async function digestOf(stream: Readable, signal: AbortSignal): Promise<Digests> {
  const digester = new Digester()
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    digester.update(chunk)
  }
  return digester.digest()
}

/** @throws Problem DELIVERY_ORIGINAL_DIFFERS when the bytes are not those whose hash was written down */
export function requireExpected({ sha256, bytes }: Original, read: Digests): void {
  const isSame = read.bytes === bytes && (sha256 === null || sha256.toLowerCase() === read.sha256)
  if (!isSame)
    throw deliveryProblems.DELIVERY_ORIGINAL_DIFFERS(
      `It has ${read.bytes} bytes and the SHA-256 ${read.sha256}; expected were ${bytes} bytes${sha256 === null ? '' : ` and ${sha256}`}.`,
    )
}
