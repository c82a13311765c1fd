import { Readable } from 'node:stream'
import type { Store } from '../storage/store.ts'
import type { Copied, Destination, Original } from './destination.ts'
import { deliveryProblems } from './errors.ts'
import { Digester, digestOf, requireExpected, type Digests } from './hash-original.ts'

/**
 * A folder or a bucket. A copy is read back and hashed, since no two kinds of server tell the same of what they have:
 * an ETag is an MD5 here, one of parts there, and something else behind encryption.
 */
export function storeDestination(store: Store): Destination {
  return {
    async put(original, path, signal) {
      if ((await store.head(path)) !== null) return confirm(store, original, path, signal)
      const sent = await send(store, original, path, signal)
      const stored = await digestOf(await store.get(path), signal)
      if (stored.sha256 !== sent.sha256) {
        // It is ours and it is wrong: left there, it would stand in the way of the next go.
        await store.delete(path)
        throw deliveryProblems.DELIVERY_COPY_DIFFERS(
          `${store.location} gave back ${stored.bytes} bytes with the SHA-256 ${stored.sha256} for ${path}; sent were ${sent.bytes} bytes with ${sent.sha256}.`,
        )
      }
      return copied(sent)
    },
  }
}

async function send(store: Store, original: Original, path: string, signal: AbortSignal): Promise<Digests> {
  let sent: Digests | undefined
  const source = await original.open()
  async function* watched(): AsyncGenerator<Buffer> {
    const digester = new Digester()
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal.throwIfAborted()
      digester.update(chunk)
      yield chunk
    }
    sent = digester.digest()
    // Before the end of the stream, so that what is wrong is not stored at all.
    requireExpected(original, sent)
  }
  await store.put(path, Readable.from(watched(), { objectMode: false }))
  return sent!
}

/** Tells a copy of an earlier go, whose answer got lost, from somebody else's file. */
async function confirm(store: Store, original: Original, path: string, signal: AbortSignal): Promise<Copied> {
  const there = await digestOf(await store.get(path), signal)
  const wanted = await digestOf(await original.open(), signal)
  requireExpected(original, wanted)
  if (there.sha256 !== wanted.sha256)
    throw deliveryProblems.DELIVERY_CONFLICT(`${store.location} has another file at ${path}.`)
  return copied(wanted)
}

function copied({ bytes, sha256 }: Digests): Copied {
  return { bytes, sha256, compared: 'sha256', url: null }
}
