import type { EntityManager } from '../platform/database.ts'
import { ApiToken } from './api-token.ts'
import { Session } from './session.ts'
import { User } from './user.ts'

/**
 * API tokens by what is stored of them, in the order of the digests. Each request asks for one, so it is spared what an
 * ORM's query builder takes.
 */
export async function findTokens(em: EntityManager, digests: string[]): Promise<(ApiToken | undefined)[]> {
  const rows = await em.execute('SELECT * FROM api_tokens WHERE digest = ANY (?::text[])', [listed(digests)])
  const found = new Map(rows.map((row) => em.map(ApiToken, row)).map((token) => [token.digest, token]))
  return digests.map((digest) => found.get(digest))
}

/** Sessions with their users, in the same way. */
export async function findSessions(em: EntityManager, digests: string[]): Promise<(Session | undefined)[]> {
  const rows = await em.execute<{ session: object; user: object }[]>(
    `SELECT to_json(s) AS session, to_json(u) AS user
     FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = ANY (?::text[])`,
    [listed(digests)],
  )
  const found = new Map<string, Session>()
  for (const { session, user } of rows) {
    em.map(User, user)
    const known = em.map(Session, session)
    found.set(known.digest, known)
  }
  return digests.map((digest) => found.get(digest))
}

/** Digests are hexadecimal, and so as they are in PostgreSQL's notation. */
function listed(digests: string[]): string {
  return `{${[...new Set(digests)].join(',')}}`
}

/**
 * Counts one more attempt to sign in, in the transaction of the entity manager. The row stays locked until its end, so
 * attempts made at once, through any replica, are counted one after the other.
 * @returns how many there are in the running window, and when it began
 */
export async function countAttempt(
  em: EntityManager,
  key: string,
  now: Date,
  windowMs: number,
): Promise<{ count: number; startedAt: Date }> {
  const over = new Date(now.getTime() - windowMs)
  const [row] = await em.execute<{ count: number; started_at: string }[]>(
    `INSERT INTO sign_in_attempts AS a (key, started_at, count) VALUES (?, ?, 1)
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN a.started_at <= ? THEN 1 ELSE a.count + 1 END,
       started_at = CASE WHEN a.started_at <= ? THEN excluded.started_at ELSE a.started_at END
     RETURNING count, extract(epoch FROM started_at) * 1000 AS started_at`,
    [key, now, over, over],
  )
  return { count: row!.count, startedAt: new Date(Number(row!.started_at)) }
}

/** Takes an attempt back that was right after all. */
export async function forgiveAttempt(em: EntityManager, key: string): Promise<void> {
  await em.execute('UPDATE sign_in_attempts SET count = greatest(count - 1, 0) WHERE key = ?', [key])
}

/** Removes what no longer counts. Passes over what others are just counting, since it takes rows in no set order. */
export async function forgetAttempts(em: EntityManager, before: Date): Promise<void> {
  await em.execute(
    `DELETE FROM sign_in_attempts WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM sign_in_attempts WHERE started_at < ? LIMIT 1000 FOR UPDATE SKIP LOCKED))`,
    [before],
  )
}

/** Remembers where a person signs in from; places not seen since `before` are forgotten. */
export async function rememberPlace(
  em: EntityManager,
  userId: string,
  place: string,
  now: Date,
  before: Date,
): Promise<void> {
  await em.execute(
    `INSERT INTO sign_in_places (user_id, place, seen_at) VALUES (?, ?, ?)
     ON CONFLICT (user_id, place) DO UPDATE SET seen_at = excluded.seen_at`,
    [userId, place, now],
  )
  await em.execute('DELETE FROM sign_in_places WHERE user_id = ? AND seen_at < ?', [userId, before])
}

export async function isKnownPlace(em: EntityManager, userId: string, place: string): Promise<boolean> {
  const rows = await em.execute('SELECT 1 FROM sign_in_places WHERE user_id = ? AND place = ?', [
    userId,
    place,
  ])
  return rows.length > 0
}

/** Lets those who make the first user, the first token or the link to it take turns, until the transaction ends. */
export async function lockFirstStart(em: EntityManager): Promise<void> {
  await em.execute('SELECT pg_advisory_xact_lock(7230520)')
}
