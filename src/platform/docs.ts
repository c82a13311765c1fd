import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'

/** The one style element that swagger-ui 5 puts into the page itself. */
const ownStyle = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

/** `/openapi.json`, and `/docs`, which draws it. After what adds hooks: swagger-ui has a scope of its own. */
export default plugin(
  async (app: FastifyInstance) => {
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'Holdfast API' },
      transformStaticCSP: (policy) => policy.replace("style-src 'self'", `style-src 'self' ${ownStyle}`),
    })
    app.get('/openapi.json', { config: { permission: 'public' }, schema: { hide: true } }, async () =>
      app.swagger(),
    )
  },
  { name: 'docs', dependencies: ['openapi'] },
)
