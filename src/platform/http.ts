import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import bodies from './bodies.ts'
import conditional from './conditional.ts'
import formKeys from './form-keys.ts'
import headRequests from './head-requests.ts'
import health from './health.ts'
import knownPaths from './known-paths.ts'
import logging from './logging.ts'
import metrics from './metrics.ts'
import openapi from './openapi.ts'
import prefer from './prefer.ts'
import problemAnswers from './problem-answers.ts'
import rateLimits from './rate-limits/hooks.ts'
import requestIds from './request-ids.ts'
import securityHeaders from './security-headers.ts'
import shutdown from './shutdown.ts'
import stalledReaders from './stalled-readers.ts'
import strictRequests from './strict-requests.ts'
import sweeping from './sweeping.ts'

/**
 * What holds for every route alike, in the order in which a request meets it. Routes come after problemAnswers: each takes
 * the error handler that is there when it is registered.
 */
export default plugin(
  async (app: FastifyInstance) => {
    await app.register(knownPaths)
    await app.register(headRequests)
    await app.register(openapi)
    await app.register(requestIds)
    await app.register(logging)
    await app.register(securityHeaders)
    await app.register(cookie)
    await app.register(problemAnswers)
    await app.register(metrics)
    await app.register(health)
    await app.register(shutdown)
    await app.register(rateLimits, { perMinute: app.config.rateLimitPerMinute })
    await app.register(bodies)
    await app.register(formKeys)
    await app.register(strictRequests)
    await app.register(prefer)
    await app.register(conditional)
    await app.register(stalledReaders, { patienceMs: 120_000 })
    await app.register(sweeping)
  },
  { name: 'http' },
)
