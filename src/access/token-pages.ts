import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { causeOf, roles } from '../audit/actor.ts'
import { TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import type { ApiToken } from './api-token.ts'
import { createToken } from './create-token.ts'
import { findToken } from './find-access.ts'
import { listTokens, tokenSorting, tokenStates } from './list-access.ts'
import { isWithin } from './permissions.ts'
import { revokeToken } from './revoke-token.ts'
import { IdParams, NewTokenBody, describeToken } from './schemas.ts'
import { digestOf } from './secrets.ts'
import { User } from './user.ts'

const closed = { additionalProperties: false } as const
const { name, role } = NewTokenBody.properties

const NewTokenForm = Type.Object(
  { name, role, expiresAt: Type.Optional(Type.String({ format: 'date' })) },
  { ...closed, ...form },
)
const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const ListQuery = ListPageQuery(
  {
    role: Type.Optional(Type.Enum([...roles])),
    state: Type.Optional(Type.Enum([...tokenStates])),
    by: TextFilter,
  },
  tokenSorting,
)

const csv: CsvColumns<ApiToken> = {
  id: (t) => t.id,
  name: (t) => t.name,
  role: (t) => t.role,
  created_by: (t) => t.createdByName,
  created_at: (t) => t.createdAt,
  last_used_at: (t) => t.lastUsedAt,
  expires_at: (t) => t.expiresAt,
  revoked_at: (t) => t.revokedAt,
}

const dayMs = 86_400_000

/** How long a token is good for unless somebody says otherwise, in days. */
const usualDays = 90

/** Carries a new token to the page that shows it, once: kept nowhere, and a reload makes no second one. */
const newTokenCookie = 'holdfast_new_token'

/** The pages of API tokens: the list, a new one, and one with its revocation. */
const tokenPages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Administration',
    label: 'API tokens',
    path: '/tokens',
    icon: 'key',
    key: 'k',
    permission: 'tokens:list',
  })

  app.get(
    '/tokens',
    { config: { permission: 'tokens:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ actor, query }, reply) => {
      const now = app.clock.now()
      const read = (page: PageQuery) =>
        listTokens(app.orm.em, { actor, now }, filterOf(query), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'tokens', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      return reply.page('access/tokens', {
        title: 'API tokens',
        items: items.map((token) => describeToken(token, now)),
        roles,
        states: tokenStates,
        ...listOf('/tokens', query, tokenSorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/tokens/new',
    { config: { permission: 'tokens:create' }, schema: { hide: true } },
    async (request, reply) => showNew(request, reply),
  )

  app.post(
    '/tokens',
    {
      ...formRoute,
      config: { permission: 'tokens:create' },
      schema: { hide: true, body: NewTokenForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const { expiresAt: day, ...given } = request.body
          const expiresAt = day === undefined ? null : new Date(`${day}T23:59:59.999Z`)
          const { token, secret } = await createToken(app, { ...given, expiresAt }, causeOf(request))
          reply.setCookie(newTokenCookie, secret, { ...cookieOf(request, token), maxAge: 60 })
          return reply.leadTo(`/tokens/${token.id}`)
        },
        (shown) => showNew(request, reply, shown),
      ),
  )

  app.get(
    '/tokens/:id',
    { config: { permission: 'tokens:list' }, schema: { hide: true, params: IdParams } },
    async (request, reply) => {
      const { id } = request.params
      const token = await findToken(app.orm.em, request.actor, id)
      const page = await reply.page('access/token', {
        title: token.name,
        entity: { type: 'token', id },
        token: describeToken(token, app.clock.now()),
        creatorIsUser: (await app.orm.em.count(User, { id: token.createdBy })) > 0,
        secret: takeSecret(request, reply, token),
      })
      reply.header('cache-control', 'no-store')
      return page
    },
  )

  app.post(
    '/tokens/:id/revocation',
    {
      config: { permission: 'tokens:delete' },
      schema: { hide: true, params: IdParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = request.params
      await revokeToken(app, id, causeOf(request))
      return reply.leadTo(`/tokens/${id}`, 'Revoked: whoever shows it is refused from now on.')
    },
  )
}

export default tokenPages

function showNew({ actor, server }: FastifyRequest, reply: FastifyReply, shown: Shown = {}): Promise<string> {
  const usual = new Date(server.clock.now().getTime() + usualDays * dayMs)
  return reply.page('access/new-token', {
    title: 'New API token',
    backTo: '/tokens/new',
    roles: roles.filter((role) => isWithin(role, actor.role)),
    expiresAt: usual.toISOString().slice(0, 10),
    ...shown,
  })
}

function cookieOf({ protocol }: FastifyRequest, { id }: ApiToken) {
  const secure = protocol === 'https'
  return { path: `/tokens/${id}`, httpOnly: true, sameSite: 'strict', secure } as const
}

/** The token itself, on the way from having been made; null ever after. */
function takeSecret(request: FastifyRequest, reply: FastifyReply, token: ApiToken): string | null {
  const secret = request.cookies[newTokenCookie]
  if (secret === undefined) return null
  reply.clearCookie(newTokenCookie, cookieOf(request, token))
  return digestOf(secret) === token.digest ? secret : null
}
