import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'

const upkeep: FastifyPluginAsyncTypebox = async () => {}

export default plugin(upkeep, { name: 'upkeep', dependencies: ['schedules', 'snapshots'] })
