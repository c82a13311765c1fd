import type { Role } from '../audit/actor.ts'

/**
 * Who may do what: resource, action, roles. Published at /api/permissions and enforced by one hook for every route.
 * `members` says whether a member gets it through being a party to the record (then the party's role decides).
 */
export const matrix = {
  datasets: {
    list: ['admin', 'operator', 'viewer', 'member'],
    view: ['admin', 'operator', 'viewer'],
    propose: ['admin', 'operator'],
  },
  records: { list: ['admin', 'operator', 'viewer', 'member'] },
  snapshots: {
    list: ['admin', 'operator', 'viewer', 'member'],
    view: ['admin', 'operator', 'viewer', 'member'],
    download: ['admin', 'operator', 'viewer', 'member'],
    create: ['admin', 'operator', 'member'],
    verify: ['admin', 'operator', 'viewer'],
    compare: ['admin', 'operator', 'viewer'],
    update: ['admin', 'operator'],
    delete: ['admin', 'member'],
  },
  restores: {
    list: ['admin', 'operator', 'viewer'],
    view: ['admin', 'operator', 'viewer'],
    plan: ['admin', 'operator'],
    apply: ['admin', 'operator'],
    undo: ['admin', 'operator'],
  },
  audit: { list: ['admin', 'viewer'], verify: ['admin', 'viewer'], download: ['admin', 'viewer'] },
  users: { list: ['admin'], create: ['admin'], update: ['admin'] },
  tokens: { list: ['admin', 'operator'], create: ['admin', 'operator'], delete: ['admin', 'operator'] },
  permissions: { view: ['admin', 'operator', 'viewer', 'member'] },
  dashboard: { view: ['admin', 'operator', 'viewer', 'member'] },
} as const satisfies Record<string, Record<string, readonly Role[]>>

type Matrix = typeof matrix
export type Permission = { [R in keyof Matrix]: `${R}:${keyof Matrix[R] & string}` }[keyof Matrix]

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller must be allowed to do. `public`: nobody is asked. A route without it stops the start. */
    permission?: Permission | 'public' | 'signed-in'
  }
}
