import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { pathOf } from '../addresses.ts'
import { inGroups } from '../in-groups.ts'
import { platformProblems } from '../problem-answers.ts'
import { countRequests } from './queries.ts'

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
    const { orm, clock } = app
    const count = inGroups(async (keys: string[]) => {
      const minute = minuteOf(clock.now())
      const requests = await countRequests(orm.em.fork(), keys, minute)
      return requests.map((counted) => ({ requests: counted, minute }))
    })
    app.addHook('onRequest', async (request, reply) => {
      const key = `address ${normalizeIP(request.ip)}`
      if (!unlimited.test(pathOf(request)))
        await limit(request, reply, count(key), perMinute * actorsPerAddress)
    })
    app.addHook('preParsing', async (request, reply) => {
      const id = actorIdOf(request)
      if (id !== null) await limit(request, reply, count(`actor ${id}`), perMinute)
    })
  },
  { name: 'rate-limits', dependencies: ['problem-answers'] },
)

/** Set by what authenticates, between the two hooks; the platform only reads it. */
function actorIdOf(request: FastifyRequest): string | null {
  return (request as FastifyRequest & { actor?: { id: string | null } }).actor?.id ?? null
}

function minuteOf(now: Date): Date {
  return new Date(now.getTime() - (now.getTime() % minuteMs))
}

async function limit(
  request: FastifyRequest,
  reply: FastifyReply,
  counted: Promise<{ requests: number; minute: Date }>,
  most: number,
): Promise<void> {
  const now = request.server.clock.now()
  const { requests, minute } = await counted.catch((error: unknown) => {
    request.log.warn({ err: error }, 'requests are not counted')
    return { requests: 0, minute: minuteOf(now) }
  })
  const secondsLeft = Math.ceil((minute.getTime() + minuteMs - now.getTime()) / 1000)
  reply
    .header('ratelimit-limit', most)
    .header('ratelimit-remaining', Math.max(0, most - requests))
    .header('ratelimit-reset', secondsLeft)
  if (requests > most)
    throw platformProblems.TOO_MANY_REQUESTS(`More than ${most} requests in a minute.`, {
      retryAfter: secondsLeft,
    })
}
