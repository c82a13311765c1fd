import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { findById } from './find-by-id.ts'

const Wanted = Type.Object(
  { id: Type.Optional(Type.String({ maxLength: 200 })) },
  { additionalProperties: false },
)

/** The field above the navigation: whatever has the id that is pasted there. */
const findPage: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/find',
    { config: { permission: 'dashboard:view' }, schema: { hide: true, querystring: Wanted } },
    async ({ actor, query }, reply) => {
      const id = query.id?.trim() ?? ''
      const path = await findById(app, actor, id)
      if (path !== null) return reply.redirect(path, 303)
      return reply
        .code(id === '' ? 200 : 404)
        .page('dashboard/not-found', { title: 'Nothing has this id', id })
    },
  )
}

export default findPage
