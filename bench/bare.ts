import { defineEntity, MikroORM } from '@mikro-orm/postgresql'
import fastify from 'fastify'

// The least that the service could be, to compare its memory with: Node, Fastify and MikroORM, one entity, one route.
const Thing = defineEntity({ name: 'Thing', properties: (p) => ({ id: p.integer().primary() }) })
const orm = await MikroORM.init({ clientUrl: process.env['DATABASE_URL']!, entities: [Thing] })
const app = fastify()
app.get('/readyz', async () => orm.em.fork().execute('SELECT 1'))
await app.listen({ port: Number(process.env['PORT']) })
process.on('SIGTERM', () => process.exit())
