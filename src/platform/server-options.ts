import type { Server } from 'node:http'
import { LogController, type FastifyHttpOptions, type FastifyServerOptions } from 'fastify'
import { withRedaction } from './logging.ts'
import { answerOnSocket, answerUnrouted } from './raw-answers.ts'
import { requestIdOf } from './request-ids.ts'
import { buildSerializer, buildValidator } from './validation.ts'

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>
type ValidatorFactory = NonNullable<Factories['buildValidator']>
type SerializerFactory = NonNullable<Factories['buildSerializer']>

/** Bytes. Larger things travel as content of their own, not in a request's body. */
const bodyLimit = 1_048_576

/**
 * How the HTTP server behaves before any route is reached: limits on what one client may cost, and answers in our form
 * to what is no HTTP at all.
 * @param logger as Fastify takes it; whatever it logs is redacted
 */
export function serverOptions(
  trustProxy: string | false,
  logger: NonNullable<FastifyServerOptions['logger']>,
): FastifyHttpOptions<Server> {
  return {
    logger: withRedaction(logger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    genReqId: requestIdOf,
    trustProxy,
    forceCloseConnections: 'idle',
    pluginTimeout: 0, // It would also cut the closing short, which waits for jobs and requests.
    return503OnClosing: false,
    // A request has 10 s for its head and 30 s in all to arrive; how long the answer takes is up to us.
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
    routerOptions: { maxParamLength: 200 },
    schemaController: {
      compilersFactory: {
        buildValidator: buildValidator as unknown as ValidatorFactory,
        buildSerializer: buildSerializer as unknown as SerializerFactory,
      },
    },
    frameworkErrors: (error, request, reply) => {
      request.log.info({ method: request.method, code: error.code }, 'request')
      answerUnrouted(error.code, request.raw, reply.raw)
    },
    clientErrorHandler: answerOnSocket,
  }
}
