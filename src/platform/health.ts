import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import { Problem } from './errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds a check to `/readyz`: resolves when well. Of a rejection only a Problem's title is shown; the rest is logged. */
    addReadinessCheck(name: string, check: () => Promise<void>): void
  }
}

const Readiness = Type.Object({
  status: Type.Enum(['ready', 'unavailable']),
  checks: Type.Record(Type.String(), Type.String()),
})

/** `/healthz`: the process answers. `/readyz`: the database, its migrations and the stores answer too. */
export default plugin(
  async (app: FastifyInstance) => {
    const checks = new Map<string, () => Promise<void>>()
    app.decorate('addReadinessCheck', (name, check) => void checks.set(name, check))

    app.get(
      '/healthz',
      {
        config: { permission: 'public' },
        schema: {
          operationId: 'getHealth',
          tags: ['system'],
          response: { 200: Type.Object({ status: Type.Literal('ok') }) },
        },
      },
      async () => ({ status: 'ok' as const }),
    )
    app.get(
      '/readyz',
      {
        config: { permission: 'public' },
        schema: {
          operationId: 'getReadiness',
          tags: ['system'],
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const results = await Promise.all(
          [...checks].map(async ([name, check]) => [name, await outcome(app, name, check)] as const),
        )
        const ready = results.every(([, result]) => result === 'ok')
        return reply
          .code(ready ? 200 : 503)
          .send({ status: ready ? 'ready' : 'unavailable', checks: Object.fromEntries(results) })
      },
    )
  },
  { name: 'health' },
)

/** A check that takes longer has failed: whoever asks wants to know now. */
const patienceMs = 5000

async function outcome(app: FastifyInstance, name: string, check: () => Promise<void>): Promise<string> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no answer in 5 s')), patienceMs)
  try {
    await Promise.race([check(), late.promise])
    return 'ok'
  } catch (error) {
    if (error instanceof Problem) return error.title
    app.log.warn({ err: error, check: name }, 'not ready')
    return 'failed'
  } finally {
    clearTimeout(timer)
  }
}
