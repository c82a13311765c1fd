import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { form } from './validation.ts'

const name = 'holdfast_theme'
const themes = ['system', 'light', 'dark'] as const

const Choice = Type.Object(
  { theme: Type.Enum([...themes]), back: Type.String({ maxLength: 2000 }) },
  { additionalProperties: false, ...form },
)

/** What the reader chose; `system` follows the browser's preference. */
export function chosenTheme(request: FastifyRequest): (typeof themes)[number] {
  return themes.find((theme) => theme === request.cookies[name]) ?? 'system'
}

/** Light or dark, kept in a cookie so that it holds without JavaScript and before anyone signed in. */
export default async function theme(app: FastifyInstance): Promise<void> {
  app.post<{ Body: Static<typeof Choice> }>(
    '/theme',
    { config: { permission: 'public' }, schema: { hide: true, body: Choice } },
    async (request, reply) => {
      const { theme, back } = request.body
      reply.setCookie(name, theme, { path: '/', httpOnly: true, sameSite: 'lax', maxAge: 365 * 86_400 })
      return reply.redirect(ownPath(back), 303)
    },
  )
}

/** A path of this service, never another site's: browsers read `//host` and `/\host` as addresses. */
export function ownPath(path: string): string {
  return /^\/(?![/\\])[\x20-\x7e]*$/.test(path) ? path : '/'
}
