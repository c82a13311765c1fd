/** How many refusals of one party are written down in a minute. */
const perParty = 30
/** And of all who showed no valid credentials, together: else strangers could fill the disk. */
const ofStrangers = 120

const windowMs = 60_000

export interface RefusalBudget {
  /**
   * Asks whether one more may be written.
   * @param party who was refused, or whose account was tried
   * @param isStranger whether it takes no credentials to be this party
   * @returns null when it may not, else how many were passed over since the last one that was written
   */
  admit(party: string, isStranger: boolean): { passedOver: number } | null
}

/**
 * Bounds the refusals in the audit log, for each process: 30 a minute for one party (a user, a token, an address, an
 * account that somebody tries to sign in to), and 120 a minute for all strangers together.
 * @param now milliseconds
 */
export function createRefusalBudget(now: () => number): RefusalBudget {
  const spent = new Map<string, number>()
  let strangers = 0
  let started = -Infinity
  let passedOver = 0

  function turn() {
    if (Math.abs(now() - started) < windowMs) return
    started = now()
    strangers = 0
    spent.clear()
  }

  return {
    admit(party, isStranger) {
      turn()
      const count = spent.get(party) ?? 0
      if (count >= perParty || (isStranger && strangers >= ofStrangers)) {
        passedOver++
        return null
      }
      spent.set(party, count + 1)
      if (isStranger) strangers++
      const before = passedOver
      passedOver = 0
      return { passedOver: before }
    },
  }
}
