import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { roles } from '../audit/actor.ts'
import { publishedPermissions } from './published-permissions.ts'

/** Of these a member has only what concerns records that name them; the rest of what they may names none. */
const byParty = new Set(['records', 'snapshots', 'exports'])

/** The page of the permission matrix, from what is published and enforced. */
const permissionsPage: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Administration',
    label: 'Permissions',
    path: '/permissions',
    icon: 'shield',
    key: 'p',
    permission: 'permissions:view',
  })

  app.get(
    '/permissions',
    { config: { permission: 'permissions:view' }, schema: { hide: true } },
    async (_request, reply) =>
      reply.page('access/permissions', {
        title: 'Permissions',
        roles,
        resources: Object.groupBy(publishedPermissions(), ({ resource }) => resource),
        byParty,
      }),
  )
}

export default permissionsPage
