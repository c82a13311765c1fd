import { connect, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Writes bytes to a listening app's socket and returns all it answers until it closes the connection.
 * @param bytes sent at once; end a request that is to be answered with `Connection: close`
 */
export async function sendRaw(app: FastifyInstance, bytes: string | Buffer): Promise<string> {
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // the answer counts, not how the connection ends
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** The status and the problem of a raw answer. */
export function readRaw(answer: string): { status: number; type: string; problem: { code: string } } {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]),
    type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    problem: JSON.parse(body) as { code: string },
  }
}
