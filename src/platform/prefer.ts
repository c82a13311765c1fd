import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** Seconds that `preferredWait` promised to wait, for `Preference-Applied`. */
    appliedWait: number | null
  }
}

/** However long a caller is ready to wait: what lies between gives up on silent connections after a minute or so. */
const longestWait = 60

/**
 * How long the caller wants to wait for the finished resource (RFC 7240, `Prefer: wait=N`). Answers
 * `Preference-Applied`. A preference that cannot be read is no error: it is not there.
 * @returns seconds, from 0 (absent) to 60
 */
export function preferredWait(request: FastifyRequest): number {
  const seconds = waitOf(request.headers.prefer)
  if (seconds === null) return 0
  request.appliedWait = Math.min(seconds, longestWait)
  return request.appliedWait
}

/** The first `wait` counts, and its name in any case, says RFC 7240 section 2. */
function waitOf(header: string | string[] | undefined): number | null {
  for (const preference of String(header ?? '').split(',')) {
    const [token = ''] = preference.split(';')
    const value = /^\s*wait\s*=\s*("?)(\d{1,9})\1\s*$/i.exec(token)?.[2]
    if (value !== undefined) return Number(value)
  }
  return null
}

/** Says which preference was applied. */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorateRequest('appliedWait', null)
    app.addHook('onSend', async (request, reply) => {
      if (request.appliedWait !== null) reply.header('preference-applied', `wait=${request.appliedWait}`)
    })
  },
  { name: 'prefer' },
)
