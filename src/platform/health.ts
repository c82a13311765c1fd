import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds a check to `/readyz`: resolves when well, rejects with a reason that holds no secret. */
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
          security: [],
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
          security: [],
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const results = await Promise.all(
          [...checks].map(async ([name, check]) => [name, await outcome(check)] as const),
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

async function outcome(check: () => Promise<void>): Promise<string> {
  return check().then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}
