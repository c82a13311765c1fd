import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'

const routes: FastifyPluginAsyncTypebox = async () => {}

export default plugin(routes, { name: 'cleanups', dependencies: ['batches', 'restores', 'gates'] })
