import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { ownPath } from './theme.ts'
import { form } from './validation.ts'

const cookie = 'holdfast_keys'

const Choice = Type.Object(
  { keys: Type.Enum(['on', 'off']), back: Type.String({ maxLength: 2000 }) },
  { additionalProperties: false, ...form },
)

/** Whether single keys do something on pages: they do unless the reader switched them off. */
export function hasShortcuts(request: FastifyRequest): boolean {
  return request.cookies[cookie] !== 'off'
}

/** The page that lists the keys and switches them off, kept in a cookie like the colours. */
export default async function shortcuts(app: FastifyInstance): Promise<void> {
  app.get(
    '/shortcuts',
    { config: { permission: 'public' }, schema: { hide: true } },
    async (_request, reply) => reply.page('shortcuts', { title: 'Keyboard' }),
  )

  app.post<{ Body: Static<typeof Choice> }>(
    '/shortcuts',
    { config: { permission: 'public' }, schema: { hide: true, body: Choice } },
    async (request, reply) => {
      const { keys, back } = request.body
      reply.setCookie(cookie, keys, { path: '/', httpOnly: true, sameSite: 'lax', maxAge: 365 * 86_400 })
      return reply.redirect(ownPath(back), 303)
    },
  )
}
