import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { badRequests, type ApiDocument, type BadRequest } from './bad-requests.ts'
import { documented, type Answer } from './documented.ts'

export interface MalformedRun {
  /** Statuses that were answered, in order. */
  statuses: number[]
  /** How long the event loop was held up at most. */
  lagMs: number
  /** By how much the heap and what lies beside it grew. */
  grownBytes: number
}

/**
 * Sends malformed requests to every operation of a listening app, and compares each answer with its OpenAPI document.
 * @param credentials headers to send along, one or another
 * @throws for a 5xx, a status or a body that is not documented, no answer in 20 s; with what it takes to replay it
 */
export async function malformedRun(
  app: FastifyInstance,
  { runs, seed, credentials }: { runs: number; seed: number; credentials: Record<string, string>[] },
): Promise<MalformedRun> {
  const document = (await app.inject('/openapi.json')).json<ApiDocument>()
  const { complaintOf } = documented(document)
  const agent = new Agent({ keepAlive: true })
  const lag = monitorEventLoopDelay({ resolution: 10 })
  const statuses = new Set<number>()
  const property = fc.asyncProperty(
    badRequests(document),
    fc.constantFrom(...credentials),
    async (bad, shown) => {
      const answer = await send(app, agent, bad, shown)
      if (answer === null) return
      statuses.add(answer.status)
      const complained = wrongWith(app, answer) ?? complaintOf(bad.method, bad.path, answer)
      if (complained !== null) throw new Error(complained)
    },
  )
  const before = process.memoryUsage.rss()
  lag.enable()
  try {
    await fc.assert(property, { numRuns: runs, seed, endOnFailure: true })
  } finally {
    lag.disable()
    agent.destroy()
  }
  const grownBytes = process.memoryUsage.rss() - before
  return { statuses: [...statuses].sort(), lagMs: Math.round(lag.max / 1e6), grownBytes }
}

/** Null: half a megabyte was still on its way when the refusal closed the connection. */
async function send(
  app: FastifyInstance,
  agent: Agent,
  bad: BadRequest,
  extra: Record<string, string>,
): Promise<Answer | null> {
  const { port } = app.server.address() as AddressInfo
  const { method, path, body } = bad
  const answer = Promise.withResolvers<Answer>()
  const headers = { ...bad.headers, ...extra }
  const outgoing = request({ agent, port, method, path, headers }, (response) => {
    const { statusCode: status = 0, headers: answered } = response
    text(response).then(
      (content) => answer.resolve({ status, type: answered['content-type'] ?? '', body: content }),
      answer.reject,
    )
  })
  outgoing.on('error', answer.reject)
  outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer in 20 s')))
  outgoing.end(body ?? undefined)
  return answer.promise.catch((error: NodeJS.ErrnoException) => {
    if ((body?.length ?? 0) > 1_000_000 && ['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) return null
    throw error
  })
}

function wrongWith(app: FastifyInstance, { status, type, body }: Answer): string | null {
  if (status >= 500 || status === 0) return `${status} ${body.slice(0, 500)}`
  if (status < 400 || body === '' || type.startsWith('text/html')) return null
  if (!type.startsWith('application/problem+json')) return `${status} with ${type}`
  const { code, title, requestId } = JSON.parse(body) as Record<string, string>
  return code && title && requestId && app.problems.has(code)
    ? null
    : `no known problem: ${body.slice(0, 500)}`
}
