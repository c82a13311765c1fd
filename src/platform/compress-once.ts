import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const compressors = { br: promisify(brotliCompress), gzip: promisify(gzip) }
type Encoding = keyof typeof compressors

/**
 * Compresses what the routes of a plugin answer as streams: few files that never change. Each is compressed once, when
 * it is first asked for, and stays in memory. Nothing else is compressed: artifacts are already, and a page that holds a
 * secret beside what somebody else wrote would give it away by its length.
 */
export function compressOnce(app: FastifyInstance): void {
  const made = new Map<string, Promise<Buffer>>()
  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('vary', 'accept-encoding')
    const encoding = encodingFor(request, reply)
    if (encoding === null || !(payload instanceof Readable)) return payload
    // As the router decoded it: one file has many addresses that are encoded otherwise.
    const name = `${encoding} ${(request.params as { '*': string })['*']}`
    if (made.has(name)) payload.destroy()
    else made.set(name, compress(payload, encoding))
    const compressed = await made.get(name)!
    reply.header('content-encoding', encoding).header('content-length', compressed.length)
    return compressed
  })
}

async function compress(file: Readable, encoding: Encoding): Promise<Buffer> {
  return compressors[encoding](await buffer(file))
}

/** @returns null for a part of a file, and for whoever understands neither */
function encodingFor({ headers }: FastifyRequest, { statusCode }: FastifyReply): Encoding | null {
  if (statusCode !== 200) return null
  const accepted = (headers['accept-encoding'] ?? '').split(',').map((name) => name.trim())
  return (['br', 'gzip'] as const).find((encoding) => accepted.includes(encoding)) ?? null
}
