import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { isForApi } from './addresses.ts'

/** Everything a page needs comes from here; nothing is inline. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
}

const permissionsPolicy = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb']
  .map((feature) => `${feature}=()`)
  .join(', ')

/** What tells browsers how little they may do with our answers. There is no CORS: no other site may ask. */
export default plugin(
  async (app: FastifyInstance) => {
    await app.register(helmet, {
      contentSecurityPolicy,
      frameguard: { action: 'deny' },
      // `no-referrer` would make forms say `Origin: null`, and the check against forged requests goes by Origin.
      referrerPolicy: { policy: 'same-origin' },
      hsts: false,
    })
    app.addHook('onRequest', async (request, reply) => {
      reply.header('permissions-policy', permissionsPolicy)
      if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000')
      if (isForApi(request)) reply.header('cache-control', 'no-store')
    })
  },
  { name: 'security-headers' },
)
