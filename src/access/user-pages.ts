import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { causeOf, roles } from '../audit/actor.ts'
import { listAudit } from '../audit/list-audit.ts'
import { url } from '../platform/components.ts'
import { TextFilter } from '../platform/filters.ts'
import { answerForm, formRoute, type Shown } from '../platform/forms.ts'
import { filterOf, ListPageQuery, listOf } from '../platform/list-page.ts'
import type { PageQuery } from '../platform/read-page.ts'
import { sendCsv, type CsvColumns } from '../platform/send-csv.ts'
import { form } from '../platform/validation.ts'
import { ApiToken } from './api-token.ts'
import { changeUser, type UserChanges } from './change-user.ts'
import { createUser } from './create-user.ts'
import { endUserSessions } from './end-sessions.ts'
import { findUser, sessionsOf } from './find-access.ts'
import { listUsers, userSorting, userStates } from './list-access.ts'
import { describeToken, IdParams, NewUserBody, presentUser, UserChangesBody } from './schemas.ts'
import type { User } from './user.ts'

const closed = { additionalProperties: false } as const
const NewUserForm = Type.Object(NewUserBody.properties, { ...closed, ...form })
const NoForm = Type.Union([Type.Object({}, closed), Type.Null()], form)

const ListQuery = ListPageQuery(
  {
    role: Type.Optional(Type.Enum([...roles])),
    state: Type.Optional(Type.Enum([...userStates])),
    q: TextFilter,
  },
  userSorting,
)

const csv: CsvColumns<User> = {
  id: (u) => u.id,
  email: (u) => u.email,
  name: (u) => u.name,
  role: (u) => u.role,
  created_at: (u) => u.createdAt,
  last_sign_in_at: (u) => u.lastSignInAt,
  disabled_at: (u) => u.disabledAt,
}

/** How many tokens and doings of a user stand on their page. */
const shownOfUser = 10

/** What can be changed of a user, each by a form of its own: two admins at once don't undo what the other did. */
const changes = {
  name: 'The name is changed.',
  role: 'The role is changed. They have to sign in again.',
  disabled: null,
  password: 'The password is set, and their sessions are ended. Tell it to them on a safe way.',
} as const

/** The pages of users: the list, a new one, and one with all that can be done to them. */
const userPages: FastifyPluginAsyncTypebox = async (app) => {
  app.addNavigation({
    group: 'Administration',
    label: 'Users',
    path: '/users',
    icon: 'user',
    key: 'u',
    permission: 'users:list',
  })

  app.get(
    '/users',
    { config: { permission: 'users:list' }, schema: { hide: true, querystring: ListQuery } },
    async ({ query }, reply) => {
      const read = (page: PageQuery) => listUsers(app.orm.em, filterOf(query), { sort: query.sort, ...page })
      if (query.format === 'csv') return sendCsv(reply, 'users', csv, read)
      const { items, nextCursor } = await read({ cursor: query.cursor })
      return reply.page('access/users', {
        title: 'Users',
        items: items.map(presentUser),
        roles,
        states: userStates,
        ...listOf('/users', query, userSorting, { nextCursor }),
      })
    },
  )

  app.get(
    '/users/new',
    { config: { permission: 'users:create' }, schema: { hide: true } },
    async (_request, reply) => showNew(reply),
  )

  app.post(
    '/users',
    {
      ...formRoute,
      config: { permission: 'users:create' },
      schema: { hide: true, body: NewUserForm },
    },
    async (request, reply) =>
      answerForm(
        request,
        async () => {
          const user = await createUser(app, request.body, causeOf(request))
          return reply.leadTo(`/users/${user.id}`, 'The user is made. Tell them the password on a safe way.')
        },
        (shown) => showNew(reply, withoutPassword(shown)),
      ),
  )

  app.get(
    '/users/:id',
    { config: { permission: 'users:list' }, schema: { hide: true, params: IdParams } },
    async ({ params: { id } }, reply) => show(app, reply, id),
  )

  for (const [field, said] of Object.entries(changes)) {
    const name = field as keyof typeof changes
    const Field = Type.Required(Type.Pick(UserChangesBody, [name]), { ...closed, ...form })
    app.post(
      `/users/:id/${field}`,
      {
        ...formRoute,
        config: { permission: 'users:update' },
        schema: { hide: true, params: IdParams, body: Field },
      },
      async (request, reply) => {
        const { id } = request.params
        const wanted = request.body as UserChanges
        return answerForm(
          request,
          async () => {
            await changeUser(app, id, wanted, causeOf(request))
            return reply.leadTo(`/users/${id}`, said ?? whatBecame(wanted))
          },
          (shown) => show(app, reply, id, withoutPassword(shown)),
        )
      },
    )
  }

  app.post(
    '/users/:id/sessions/end',
    {
      config: { permission: 'users:update' },
      schema: { hide: true, params: IdParams, body: NoForm },
    },
    async (request, reply) => {
      const { id } = request.params
      await endUserSessions(app, id, causeOf(request))
      return reply.leadTo(`/users/${id}`, 'They are signed out everywhere.')
    },
  )
}

export default userPages

function whatBecame({ disabled }: UserChanges): string {
  return disabled ? 'Disabled: nobody signs in with this account any more.' : 'They can sign in again.'
}

function withoutPassword({ typed, problem }: Required<Shown>): Shown {
  return { typed: { ...(typed as object), password: undefined }, problem }
}

function showNew(reply: FastifyReply, shown: Shown = {}): Promise<string> {
  return reply.page('access/new-user', { title: 'New user', backTo: '/users/new', roles, ...shown })
}

async function show(
  app: FastifyInstance,
  reply: FastifyReply,
  id: string,
  shown: Shown = {},
): Promise<string> {
  const em = app.orm.em.fork()
  const user = await findUser(em, id)
  const made = { createdBy: id }
  const [sessions, tokens, tokenCount, { entries, nextCursor }] = await Promise.all([
    sessionsOf(em, id, app.clock.now()),
    em.find(ApiToken, made, { orderBy: { id: 'desc' }, limit: shownOfUser }),
    em.count(ApiToken, { ...made, revokedAt: null }),
    listAudit(em, { actor: user.email }, { limit: shownOfUser }),
  ])
  return reply.page('access/user', {
    title: user.name,
    backTo: `/users/${id}`,
    entity: { type: 'user', id },
    account: presentUser(user),
    sessions: sessions.length,
    lastSeenAt: sessions[0]?.lastSeenAt,
    tokens: tokens.map((token) => describeToken(token, app.clock.now())),
    tokenCount,
    doings: entries,
    allDoings: nextCursor === null ? null : url('/audit', { actor: user.email }),
    roles,
    ...shown,
  })
}
