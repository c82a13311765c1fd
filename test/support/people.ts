import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createToken } from '../../src/access/create-token.ts'
import { createUser } from '../../src/access/create-user.ts'
import type { User } from '../../src/access/user.ts'
import type { Actor, Role } from '../../src/audit/actor.ts'
import { sql } from './postgres.ts'

/** An admin from nowhere, to make the first of everything. */
const origin: Actor = { type: 'system', id: null, name: 'test', role: 'admin' }

export const password = 'correct horse battery staple'

/** An API token of a role, as the header that shows it. */
export async function bearer(app: FastifyInstance, role: Role): Promise<{ authorization: string }> {
  const { secret } = await createToken(app, { name: `the ${role}'s`, role }, { actor: origin })
  return { authorization: `Bearer ${secret}` }
}

/** A user with `password`; the address is `<name>@example.com`. */
export async function person(app: FastifyInstance, name: string, role: Role): Promise<User> {
  return createUser(app, { email: `${name}@example.com`, name, role, password }, { actor: origin })
}

/** Signs in as a browser would. @returns headers of a request from one of our own pages */
export async function browse(
  app: FastifyInstance,
  name: string,
): Promise<{ cookie: string } & Record<string, string>> {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { email: `${name}@example.com`, password },
  })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return { cookie: cookieOf(answer), 'sec-fetch-site': 'same-origin' }
}

/** The session cookie that an answer sets, as a browser sends it back. */
export function cookieOf({ cookies }: Pick<LightMyRequestResponse, 'cookies'>): string {
  const session = cookies.find(({ name }) => name.endsWith('holdfast_session'))
  if (session === undefined) throw new Error('no session cookie')
  return `${session.name}=${session.value}`
}

/**
 * Takes everybody and their doings out of an app's database, so that tests can share the app: it remembers nothing of
 * them itself.
 */
export async function forgetEverybody(app: FastifyInstance): Promise<void> {
  await sql(
    app.config.databaseUrl!,
    `TRUNCATE users, sessions, api_tokens, setup_links, sign_in_attempts, sign_in_places;
     ALTER TABLE audit_entries DISABLE TRIGGER audit_forbid;
     TRUNCATE audit_entries;
     ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_forbid`,
  )
}

/** A clock that tests move. */
export function movableClock() {
  const clock = { at: Date.parse('2026-11-20T10:00:00Z'), now: () => new Date(clock.at) }
  return clock
}
