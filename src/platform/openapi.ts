import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { components, description } from './openapi-conventions.ts'
import { documentOperations } from './openapi-operations.ts'

/** The API's document (OpenAPI 3.1), made from the schemas of the routes that come after it. docs.ts serves it. */
export default plugin(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Holdfast', version: app.config.version, description },
        servers: [{ url: '/' }],
        components,
        security: [{ token: [] }, { session: [] }],
      } as NonNullable<FastifyDynamicSwaggerOptions['openapi']>,
      refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`) },
      convertConstToEnum: false,
      hideUntagged: true,
      ...documentOperations,
    })
  },
  { name: 'openapi' },
)
