import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import plugin from 'fastify-plugin'
import { pathOf } from './addresses.ts'
import { redact } from './redact.ts'
import { whenOver } from './when-over.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Why the answer is a 5xx, for the log. */
    failure: unknown
  }
}

type Logger = NonNullable<FastifyServerOptions['logger']>

/** The logger's settings, with all that it is given redacted: objects, errors and text. */
export function withRedaction(logger: Logger): Logger {
  if (typeof logger !== 'object') return logger
  return {
    ...logger,
    serializers: { err: (described) => described as never },
    hooks: {
      logMethod(args, method) {
        method.apply(this, args.map((argument) => redact(plain(argument))) as Parameters<typeof method>)
      },
    },
  }
}

/** Errors as plain objects, down to their causes. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return { err: describe(value) }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, v instanceof Error ? describe(v) : v]))
}

/** PostgreSQL's details quote whole rows, so they stay out, and out of the stack, which begins with the message. */
function describe(error: Error & { code?: unknown }): object {
  const { name, message, code, cause, stack = '' } = error
  const frames = stack.slice(stack.lastIndexOf(message) + message.length).split('\n')
  return {
    type: name,
    message: message.split('\n - detail:', 1)[0],
    ...(code !== undefined && { code }),
    stack: frames.filter((line) => /^\s+at /.test(line)).join('\n'),
    ...(cause instanceof Error && { cause: describe(cause) }),
  }
}

/** Paths that are asked for every few seconds by machines: worth a line only when they fail. */
const quiet = /^\/(healthz|readyz|metrics|public\/)/

/** One line for each request, when it is over. */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorateRequest('failure', undefined)
    app.addHook('onRequest', async (request, reply) => whenOver(reply, () => logRequest(request, reply)))
  },
  { name: 'logging' },
)

function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const line = {
    method: request.method,
    path: pathShown(request),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    address: request.ip,
    actor: actorOf(request),
    ...(!reply.raw.writableEnded && { aborted: true }),
    ...(request.failure !== undefined && { err: request.failure }),
  }
  if (reply.statusCode >= 500) request.log.error(line, 'request')
  else request.log[quiet.test(request.url) ? 'debug' : 'info'](line, 'request')
}

/** Without the query, and without what a path carries as a secret, such as a setup link's token. */
function pathShown(request: FastifyRequest): string {
  const pattern = request.routeOptions.url
  if (pattern !== undefined && /:\w*(token|secret)/i.test(pattern)) return pattern
  return pathOf(request).slice(0, 300)
}

/** Set by what authenticates; the platform only reads it. */
function actorOf(request: FastifyRequest): string | undefined {
  const { actor } = request as FastifyRequest & { actor?: { type: string; id: string | null } }
  return actor && (actor.id === null ? actor.type : `${actor.type}:${actor.id}`)
}
