import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Wire {
  /** The connection string through the wire. */
  url: string
  /** Breaks what goes through it, and whatever is tried until it is mended. */
  cut(): void
  mend(): void
  /** Waits until so many have tried in vain since it was cut. */
  refused(times: number): Promise<void>
}

/** A wire to a PostgreSQL server that can be cut. @param url connection string */
export async function openWire(t: Test, url: string): Promise<Wire> {
  const target = new URL(url)
  const { hostname, port } = target
  const ends = new Set<Socket>()
  let inVain: number | null = null
  const server = createServer((near) => {
    if (inVain !== null) {
      inVain += 1
      near.destroy()
      server.emit('refused')
      return
    }
    const far = connect(Number(port), hostname)
    for (const end of [near, far]) ends.add(end.on('error', () => {}))
    near.pipe(far).pipe(near)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const cut = () => {
    inVain = 0
    for (const end of ends) end.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    url: target.href,
    cut,
    mend: () => void (inVain = null),
    async refused(times) {
      while ((inVain ?? times) < times) await once(server, 'refused')
    },
  }
}
