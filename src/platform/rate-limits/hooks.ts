import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { pathOf } from '../addresses.ts'
import { platformProblems } from '../problem-answers.ts'
import { countRequest } from './queries.ts'

const minuteMs = 60_000

/** As many actors as may work behind one address. */
const actorsPerAddress = 4

/** What machines ask for all the time, and what browsers load with a page. */
const unlimited = /^\/(healthz|readyz|metrics|public\/|docs\/static\/)/

/**
 * Limits how often anyone may ask in a minute, over all replicas: the address before it is known who asks, then the
 * actor. While the database doesn't answer nobody is limited; but then nothing else works either.
 * @param perMinute requests of one actor; an address may have four times as many; 0 is no limit
 */
export default plugin<{ perMinute: number }>(
  async (app: FastifyInstance, { perMinute }) => {
    if (perMinute === 0) return
    app.addHook('onRequest', async (request, reply) => {
      const key = `address ${normalizeIP(request.ip)}`
      if (!unlimited.test(pathOf(request))) await limit(request, reply, key, perMinute * actorsPerAddress)
    })
    app.addHook('preParsing', async (request, reply) => {
      const id = actorIdOf(request)
      if (id !== null) await limit(request, reply, `actor ${id}`, perMinute)
    })
  },
  { name: 'rate-limits', dependencies: ['problem-answers'] },
)

/** Set by what authenticates, between the two hooks; the platform only reads it. */
function actorIdOf(request: FastifyRequest): string | null {
  return (request as FastifyRequest & { actor?: { id: string | null } }).actor?.id ?? null
}

async function limit(request: FastifyRequest, reply: FastifyReply, key: string, most: number): Promise<void> {
  const now = request.server.clock.now().getTime()
  const minute = now - (now % minuteMs)
  const requests = await count(request, key, new Date(minute))
  const secondsLeft = Math.ceil((minute + minuteMs - now) / 1000)
  reply
    .header('ratelimit-limit', most)
    .header('ratelimit-remaining', Math.max(0, most - requests))
    .header('ratelimit-reset', secondsLeft)
  if (requests > most)
    throw platformProblems.TOO_MANY_REQUESTS(`More than ${most} requests in a minute.`, {
      retryAfter: secondsLeft,
    })
}

async function count({ server, log }: FastifyRequest, key: string, minute: Date): Promise<number> {
  try {
    return await countRequest(server.orm.em.fork(), key, minute)
  } catch (error) {
    log.warn({ err: error }, 'requests are not counted')
    return 0
  }
}
