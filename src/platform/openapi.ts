import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'

/** `/openapi.json` (3.1), made from the routes' own schemas, and `/docs`, which draws it. */
export default plugin<{ version: string }>(
  async (app: FastifyInstance, { version }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Holdfast',
          version,
          description:
            'Snapshot, verify, compare, restore and clean up the records of a PostgreSQL application.',
        },
        components: {
          securitySchemes: {
            token: { type: 'http', scheme: 'bearer', bearerFormat: 'hf_…' },
            session: { type: 'apiKey', in: 'cookie', name: 'holdfast_session' },
          },
        },
        security: [{ token: [] }, { session: [] }],
      },
      refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`) },
      convertConstToEnum: false,
      hideUntagged: true,
    })
    await app.register(swaggerUi, { routePrefix: '/docs' })
    app.get('/openapi.json', { config: { permission: 'public' }, schema: { hide: true } }, async () =>
      app.swagger(),
    )
  },
  { name: 'openapi' },
)
