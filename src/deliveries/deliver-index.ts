import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { failpoint } from '../platform/failpoints.ts'
import type { Delivery } from './delivery.ts'
import type { Destination } from './destination.ts'
import { patiently } from './patience.ts'
import { csvIndex, jsonIndex } from './read-index.ts'
import { baseOf } from './wanted-destination.ts'

const forms = { csv: csvIndex, json: jsonIndex }

/**
 * Puts the index beside the files that it is of, as CSV and as JSON. It is written to our own store first, since a
 * destination wants to know the size before it takes a file.
 */
export async function deliverIndex(
  app: FastifyInstance,
  delivery: Delivery,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  for (const [extension, write] of Object.entries(forms)) {
    const key = `deliveries/${delivery.id}/index.${extension}`
    const path = [...baseOf(delivery.destination), `delivery-${delivery.id}.${extension}`].join('/')
    await patiently(async () => {
      const store = app.stores.main
      const bytes = await store.put(key, Readable.from(encoded(write(app.orm.em, delivery))))
      await failpoint('delivery.index-stored')
      const open: Parameters<Destination['put']>[0]['open'] = (range) => store.get(key, range)
      await destination.put({ bytes, sha256: null, open }, path, signal)
      await failpoint('delivery.index-copied')
      await store.delete(key)
    }, signal)
  }
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const text of texts) yield Buffer.from(text)
}
