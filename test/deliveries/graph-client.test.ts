import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createGraphClient } from '../../src/deliveries/graph-client.ts'

const signal = new AbortController().signal
const access = { token: async () => 'a-token', refused: async () => undefined }

async function graph(t: Test, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return createGraphClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, access)
}

t.test('only the content of a file is fetched from elsewhere', async (t) => {
  const asked: string[] = []
  const client = await graph(t, (request, reply) => {
    asked.push(request.url!)
    if (request.url === '/elsewhere') return void reply.end('{"id": "elsewhere"}')
    reply.writeHead(302, { location: '/elsewhere' }).end('{}')
  })
  t.match(await client.ask({ method: 'GET', url: '/item' }, signal), { status: 302, body: {} })
  t.same(asked, ['/item'])
  t.equal((await client.download('/item/content', signal)).status, 200)
  t.same(asked, ['/item', '/item/content', '/elsewhere'])
})

t.test('an answer without end is cut', async (t) => {
  const closed = Promise.withResolvers<void>()
  const client = await graph(t, (_request, reply) => {
    reply.on('close', () => closed.resolve())
    const piece = Buffer.alloc(1_048_576, 0x20)
    const goOn = () => void (reply.destroyed || reply.write(piece, () => setImmediate(goOn)))
    goOn()
  })
  t.match(await client.ask({ method: 'GET', url: '/item' }, signal), { status: 200, body: {} })
  await closed.promise
})
