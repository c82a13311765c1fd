import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Ends } from './place.ts'

/** A wire to a PostgreSQL server that breaks after so many bytes, or stands still. */
export interface ByteWire {
  /** The connection string through the wire. */
  url: string
  /** Breaks every connection once the server has sent so many more bytes; new ones work. */
  cutAfter(bytes: number): void
  /** Nothing goes through any more once the server has sent so many more bytes; resolves then. */
  freezeAfter(bytes: number): Promise<void>
  /** Bytes that the server has sent since `cutAfter` or `freezeAfter`. */
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
  const freeze = () => {
    frozen = true
    for (const socket of sockets) socket.pause()
  }
  let spent = cut
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const end of [near, far]) sockets.add(end.on('error', () => {}))
    far.on('data', (chunk: Buffer) => {
      passed += chunk.length
      left -= chunk.length
      if (left > 0) return near.write(chunk)
      near.write(spent === cut ? chunk.subarray(0, chunk.length + left) : chunk)
      left = Infinity
      return spent()
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
    cutAfter: (bytes) => void ([left, passed, spent] = [bytes, 0, cut]),
    freezeAfter(bytes) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const stand = () => {
        freeze()
        resolve()
      }
      ;[left, passed, spent] = [bytes, 0, stand]
      return promise
    },
    passed: () => passed,
    freeze,
    thaw() {
      frozen = false
      for (const socket of sockets) socket.resume()
    },
  }
}
