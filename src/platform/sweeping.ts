import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { sweepKeys } from './idempotency/sweep-keys.ts'
import { sweepRateLimits } from './rate-limits/queries.ts'

const everyMs = 10 * 60_000

/** Removes what the platform itself wrote and nobody needs any more. Every replica may: it is the same to do it twice. */
export default plugin(
  async (app: FastifyInstance) => {
    const sweep = async () => {
      const now = app.clock.now()
      await sweepKeys(app.orm.em, now)
      await sweepRateLimits(app.orm.em.fork(), new Date(now.getTime() - everyMs))
    }
    const report = (error: unknown) => app.log.warn({ err: error }, 'sweeping failed')
    let timer: NodeJS.Timeout | undefined
    app.addHook('onReady', async () => {
      timer = setInterval(() => void sweep().catch(report), everyMs)
    })
    app.addHook('preClose', async () => clearInterval(timer))
  },
  { name: 'sweeping' },
)
