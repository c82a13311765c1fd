import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { badRequests, type ApiDocument, type BadRequest } from '../support/bad-requests.ts'
import { bearer } from '../support/people.ts'

const app = await testApp(t)
await app.listen({ port: 0 })
const { port } = app.server.address() as AddressInfo
const agent = new Agent({ keepAlive: true })
t.teardown(() => agent.destroy())

interface Answer {
  status: number
  type: string
  body: string
}

async function send(
  { method, path, headers, body }: BadRequest,
  extra: Record<string, string>,
): Promise<Answer> {
  const answer = Promise.withResolvers<Answer>()
  const outgoing = request({ agent, port, method, path, headers: { ...headers, ...extra } }, (response) => {
    const { statusCode: status = 0, headers: answered } = response
    text(response).then(
      (body) => answer.resolve({ status, type: answered['content-type'] ?? '', body }),
      answer.reject,
    )
  })
  outgoing.on('error', answer.reject)
  outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer in 20 s')))
  outgoing.end(body ?? undefined)
  return answer.promise
}

function complaint({ status, type, body }: Answer): string | null {
  if (status >= 500 || status === 0) return `${status} ${body.slice(0, 500)}`
  if (status < 400 || body === '' || type.startsWith('text/html')) return null
  if (!type.startsWith('application/problem+json')) return `${status} with ${type}`
  const { code, title, requestId } = JSON.parse(body) as Record<string, string>
  return code && title && requestId && app.problems.has(code)
    ? null
    : `no known problem: ${body.slice(0, 500)}`
}

t.test(
  'hundreds of malformed requests to every operation: no 5xx, a problem each, and the service lives',
  async (t) => {
    const document = (await app.inject('/openapi.json')).json<ApiDocument>()
    const credentials = [{}, await bearer(app, 'viewer'), await bearer(app, 'admin')]
    const lag = monitorEventLoopDelay({ resolution: 10 })
    lag.enable()
    const seen = new Set<number>()
    await fc.assert(
      fc.asyncProperty(badRequests(document), fc.constantFrom(...credentials), async (bad, shown) => {
        const answer = await send(bad, shown).catch((error: NodeJS.ErrnoException) => {
          // Half a megabyte may still be on its way when the refusal closes the connection.
          if ((bad.body?.length ?? 0) > 1_000_000 && ['EPIPE', 'ECONNRESET'].includes(error.code ?? ''))
            return null
          throw error
        })
        if (answer === null) return
        seen.add(answer.status)
        const complained = complaint(answer)
        if (complained !== null) throw new Error(complained)
      }),
      { numRuns: 600, endOnFailure: true },
    )
    lag.disable()
    t.ok(
      [400, 401, 403, 404, 405, 415].every((status) => seen.has(status)),
      [...seen].sort().join(),
    )
    t.ok(lag.max / 1e6 < 2000, `the event loop was held up for at most ${Math.round(lag.max / 1e6)} ms`)
    t.match((await send({ method: 'GET', path: '/readyz', headers: {}, body: null }, {})).status, 200)
  },
)
