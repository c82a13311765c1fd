import { hash, verify } from '@node-rs/argon2'

/**
 * argon2id with 19 MiB, 2 passes, 1 lane: the first choice of OWASP's Password Storage Cheat Sheet.
 * The library's default algorithm is argon2id.
 */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Of a password that nobody knows: checking against it takes as long as against a real one. */
const nobodys =
  '$argon2id$v=19$m=19456,t=2,p=1$Sak5ZqRGkWGPUJ7cKmlr2g$DoE/gvYUCwDRBbgv/7ekfrHRu4SwiqA5hZhYGtmOnQU'

/** NIST SP 800-63B: length counts, composition doesn't. In characters. */
export const passwordLength = { minLength: 12, maxLength: 200 } as const

export async function hashPassword(password: string): Promise<string> {
  return hash(normal(password), cost)
}

/**
 * Whether the password is right; takes as long for a user that doesn't exist.
 * @param stored hash of the user's password, null when there is no such user
 */
export async function checkPassword(stored: string | null, password: string): Promise<boolean> {
  const right = await verify(stored ?? nobodys, normal(password))
  return right && stored !== null
}

/**
 * Why a password would be guessed early on, or null.
 * @param about what an attacker knows: email address, name
 */
export function weaknessOf(password: string, about: string[]): string | null {
  const lower = normal(password).toLowerCase()
  if (new Set(lower).size < 5) return 'must have at least 5 different characters'
  if (isSequence(lower)) return 'must not be a plain sequence'
  const rest = guesses(about).reduce((text, guess) => text.replaceAll(guess, ''), lower)
  return rest.length < 6 ? 'must be more than your name, your address and common words' : null
}

/** The longest first, so that an address goes as a whole. */
function guesses(about: string[]): string[] {
  const whole = about.map((text) => text.toLowerCase())
  const parts = whole.flatMap((text) => text.split(/[^\p{L}\p{N}]+/u))
  const long = [...whole, ...parts, 'holdfast', 'password'].filter((guess) => guess.length > 3)
  return long.sort((a, b) => b.length - a.length)
}

const rows = ['abcdefghijklmnopqrstuvwxyz', '01234567890123456789', 'qwertyuiopasdfghjklzxcvbnm']
const sequences = rows.flatMap((row) => [row, [...row].toReversed().join('')])

function isSequence(text: string): boolean {
  return sequences.some((sequence) => sequence.includes(text))
}

/** The same password is typed as different code points on different keyboards (NIST SP 800-63B, 5.1.1.2). */
function normal(password: string): string {
  return password.normalize('NFKC')
}
