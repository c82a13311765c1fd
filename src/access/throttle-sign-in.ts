import { isIPv6 } from 'node:net'
import type { EntityManager } from '../platform/database.ts'
import { accessProblems } from './errors.ts'
import { countAttempt, forgetAttempts, forgiveAttempt, isKnownPlace, rememberPlace } from './queries.ts'
import { digestOf } from './secrets.ts'

/** Failed attempts count for this long, from the first of them on. */
export const windowMs = 15 * 60_000

/** How many failed attempts there may be in that time. */
export const attemptLimits = {
  /** From one place to one account. */
  placeAndAccount: 10,
  /** From one place to any accounts: an office behind one address has room for typing errors. */
  place: 50,
  /** To one account from all places where its owner has not signed in lately, against guessing from many places. */
  account: 100,
} as const

/** How long a place where somebody signed in stays known to be theirs. */
const placeMs = 90 * 86_400_000

interface Counter {
  key: string
  limit: number
}

/** An attempt that was counted. */
export interface Attempt {
  /** It was right: takes it back, and remembers the place. In the entity manager's transaction. */
  succeed(em: EntityManager, userId: string): Promise<void>
}

/**
 * Counts an attempt to sign in before the password is looked at, so that attempts made at once don't slip through. The
 * counters are in the database: all replicas share them. Somebody who guesses is stopped at the place they come from, so
 * the account's owner can still sign in from another; one who guesses from many places also fills the account's own
 * counter, which doesn't hold up the owner where they have signed in before. Refused attempts are not counted.
 * @param userId null when there is no such account; it is counted alike
 * @throws SIGN_IN_THROTTLED
 */
export async function countSignIn(
  em: EntityManager,
  { email, userId, address }: { email: string; userId: string | null; address: string },
  now: Date,
): Promise<Attempt> {
  const place = placeOf(address)
  const counters = await countersOf(em, email, userId, place)
  await em.transactional(async (em) => {
    await forgetAttempts(em, new Date(now.getTime() - windowMs))
    for (const { key, limit } of counters) {
      const { count, startedAt } = await countAttempt(em, key, now, windowMs)
      if (count > limit) throw throttled(startedAt.getTime() + windowMs - now.getTime())
    }
  })
  return {
    async succeed(em, userId) {
      for (const { key } of counters) await forgiveAttempt(em, key)
      await rememberPlace(em, userId, place, now, new Date(now.getTime() - placeMs))
    },
  }
}

/** In one order for everybody, so that attempts wait for each other but never in a circle. */
async function countersOf(
  em: EntityManager,
  email: string,
  userId: string | null,
  place: string,
): Promise<Counter[]> {
  const account = digestOf(email)
  const isKnown = userId !== null && (await isKnownPlace(em, userId, place))
  return [
    ...(isKnown ? [] : [{ key: `account ${account}`, limit: attemptLimits.account }]),
    { key: `place ${place}`, limit: attemptLimits.place },
    { key: `place ${place} account ${account}`, limit: attemptLimits.placeAndAccount },
  ]
}

/** Whoever has one IPv6 address has the 2^64 of its network, so those count as one place. */
function placeOf(address: string): string {
  const ipv4 = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (ipv4 !== undefined || !isIPv6(address)) return ipv4 ?? address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const front = head.split(':').filter(Boolean)
  const back = tail?.split(':').filter(Boolean) ?? []
  const zeros = Array<string>(8 - front.length - back.length).fill('0')
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}

function throttled(waitMs: number) {
  const minutes = Math.ceil(waitMs / 60_000)
  return accessProblems.SIGN_IN_THROTTLED(
    `Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`,
    {
      retryAfter: Math.max(1, waitMs / 1000),
    },
  )
}
