import type { FastifyRequest } from 'fastify'

/** What a user or a token may be. A member may only do what a dataset's parties grant. */
export const roles = ['admin', 'operator', 'viewer', 'member'] as const
export type Role = (typeof roles)[number]

/** Who does something: a person, a script by its API token, Holdfast itself, or somebody who showed no credentials. */
export interface Actor {
  type: 'user' | 'token' | 'system' | 'anonymous'
  /** Of the user or the token; null for the others. */
  id: string | null
  name: string
  role: Role | 'system' | 'none'
  /** What a dataset's parties know a person by. Users only. */
  email?: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Whoever shows no valid credentials is `anonymousActor`. Set by src/access/guard.ts. */
    actor: Actor
    /** True once the request showed credentials of any kind, right or wrong. */
    showedCredentials: boolean
  }
}

/** Holdfast itself: schedules, expiry, recovery. */
export const systemActor: Actor = { type: 'system', id: null, name: 'Holdfast', role: 'system' }

/** Whoever shows no valid credentials. */
export const anonymousActor: Actor = { type: 'anonymous', id: null, name: 'anonymous', role: 'none' }

/** Who asked for something, and by which request. */
export interface Cause {
  actor: Actor
  requestId?: string | undefined
  address?: string | undefined
}

/** Who asks, for the audit entry of what the request brings about. */
export function causeOf(request: FastifyRequest): Cause {
  return { actor: request.actor, requestId: request.id, address: request.ip }
}
