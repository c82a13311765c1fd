import { accessProblems } from './errors.ts'
import { hashPassword, weaknessOf } from './passwords.ts'

/**
 * Hashes a new password.
 * @param about what an attacker would know of the user
 * @throws PASSWORD_WEAK
 */
export async function acceptPassword(password: string, about: string[]): Promise<string> {
  requireStrongPassword(password, about)
  return hashPassword(password)
}

/** @throws PASSWORD_WEAK */
export function requireStrongPassword(password: string, about: string[]): void {
  const weakness = weaknessOf(password, about)
  if (weakness === null) return
  const errors = [{ pointer: '/password', detail: weakness }]
  throw accessProblems.PASSWORD_WEAK(`The password ${weakness}.`, { errors })
}
