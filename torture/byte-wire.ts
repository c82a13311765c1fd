import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Ends } from './place.ts'

/** A wire to a PostgreSQL server that breaks after so many bytes, or stands still. */
export interface ByteWire {
  /** The connection string through the wire. */
  url: string
  /** Breaks every connection once the server has sent so many more bytes; new ones work. */
  cutAfter(bytes: number): void
  /** Bytes that the server has sent since `cutAfter`. */
  passed(): number
  /** Nothing goes through any more, as when the server is stopped with SIGSTOP. */
  freeze(): void
  thaw(): void
}

export async function openByteWire(ends: Ends, url: string): Promise<ByteWire> {
  const target = new URL(url)
  const { hostname, port } = target
  const sockets = new Set<Socket>()
  let [left, passed, frozen] = [Infinity, 0, false]
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const end of [near, far]) sockets.add(end.on('error', () => {}))
    far.on('data', (chunk: Buffer) => {
      passed += chunk.length
      left -= chunk.length
      if (left > 0) return near.write(chunk)
      near.write(chunk.subarray(0, chunk.length + left))
      left = Infinity
      return cut()
    })
    far.once('close', () => near.destroy())
    near.once('close', () => far.destroy())
    near.pipe(far)
    if (frozen) for (const end of [near, far]) end.pause()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  ends.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: target.href,
    cutAfter: (bytes) => void ([left, passed] = [bytes, 0]),
    passed: () => passed,
    freeze() {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      frozen = false
      for (const socket of sockets) socket.resume()
    },
  }
}
