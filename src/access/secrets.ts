import { createHash, randomBytes } from 'node:crypto'

/** A secret nobody guesses: 256 random bits in URL-safe Base64. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * What is stored of a secret, to know it again: its SHA-256 in hexadecimal. A fast hash will do, since there is nothing
 * to guess: the secrets are random (passwords are not, see passwords.ts).
 */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
