import { openCopy, type OpenCopy } from '../source/copy.ts'
import type { SharedSnapshot } from '../source/shared-snapshot.ts'

/**
 * What a COPY … TO STDOUT prints at an instant, over a connection of its own, which is given back at the end or when the
 * reader goes away.
 */
export async function* copyAt(instant: SharedSnapshot, sql: string): AsyncGenerator<Buffer> {
  const opened = Promise.withResolvers<OpenCopy>()
  const closing = Promise.withResolvers<void>()
  const lease = instant.withReader(async (client) => {
    await client.query("SET LOCAL work_mem = '64MB'")
    const copy = openCopy(client, sql)
    opened.resolve(copy)
    await closing.promise
    copy.destroy()
  })
  lease.catch(opened.reject)
  try {
    const { chunks } = await opened.promise
    yield* chunks
  } finally {
    closing.resolve()
    await lease.catch(() => undefined)
  }
}
