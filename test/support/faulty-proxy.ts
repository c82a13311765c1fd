import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FaultyProxy {
  /** Where it listens, for clients of the server behind it. */
  url: string
  /** How many requests it has spoilt. */
  spoilt(): number
  stop(): Promise<void>
}

/**
 * Stands before an HTTP server and spoils a share of the requests: refused before they arrive, answered and then cut off,
 * or answered with nothing at all after they were done.
 * @param rate from 0 to 1
 */
export async function faultyProxy(target: string, rate: number): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target)
  let spoilt = 0
  const server = createServer((incoming, outgoing) => {
    const fault = Math.random() < rate ? Math.floor(Math.random() * 3) : null
    if (fault !== null) spoilt++
    if (fault === 0) {
      incoming.resume()
      outgoing.writeHead(503).end()
      return
    }
    const { method, url, headers } = incoming
    const passed = forward({ hostname, port, method, path: url, headers }, (answer) => {
      if (fault === 1) return answer.resume().once('end', () => outgoing.destroy())
      outgoing.writeHead(answer.statusCode!, answer.headers)
      if (fault === null) return answer.pipe(outgoing)
      answer.once('data', (chunk: Buffer) => {
        outgoing.write(chunk.subarray(0, Math.ceil(chunk.length / 2)))
        outgoing.destroy()
        answer.resume()
      })
      return answer.once('end', () => outgoing.end())
    })
    passed.once('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spoilt: () => spoilt,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
