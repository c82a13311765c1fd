import { roles, type Actor, type Role } from '../audit/actor.ts'

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
  holds: {
    list: ['admin', 'operator', 'viewer'],
    create: ['admin', 'operator'],
    delete: ['admin', 'operator'],
  },
  gates: { view: ['admin', 'operator', 'viewer'], skip: ['admin'] },
  exports: {
    list: ['admin', 'operator', 'viewer', 'member'],
    view: ['admin', 'operator', 'viewer', 'member'],
    download: ['admin', 'operator', 'viewer', 'member'],
    create: ['admin', 'operator', 'member'],
    delete: ['admin', 'operator', 'member'],
  },
  batches: {
    list: ['admin', 'operator', 'viewer'],
    view: ['admin', 'operator', 'viewer'],
    create: ['admin', 'operator'],
    work: ['admin', 'operator'],
    control: ['admin', 'operator'],
  },
  cleanups: {
    list: ['admin', 'operator', 'viewer'],
    view: ['admin', 'operator', 'viewer'],
    create: ['admin', 'operator'],
    update: ['admin', 'operator'],
    cancel: ['admin', 'operator'],
    apply: ['admin', 'operator'],
    undo: ['admin', 'operator'],
  },
  retention: { view: ['admin', 'operator', 'viewer'] },
  deliveries: {
    list: ['admin', 'operator', 'viewer'],
    view: ['admin', 'operator', 'viewer'],
    create: ['admin', 'operator'],
  },
  schedules: {
    list: ['admin', 'operator', 'viewer'],
    update: ['admin', 'operator'],
    run: ['admin', 'operator'],
  },
  notifications: { list: ['admin', 'operator', 'viewer'], test: ['admin', 'operator'] },
  audit: { list: ['admin', 'viewer'], verify: ['admin', 'viewer'], download: ['admin', 'viewer'] },
  users: { list: ['admin'], create: ['admin'], update: ['admin'] },
  tokens: { list: ['admin', 'operator'], create: ['admin', 'operator'], delete: ['admin', 'operator'] },
  permissions: { view: ['admin', 'operator', 'viewer', 'member'] },
  dashboard: { view: ['admin', 'operator', 'viewer', 'member'] },
  system: { view: ['admin', 'operator'] },
  metrics: { view: ['admin', 'operator', 'viewer'] },
} as const satisfies Record<string, Record<string, readonly Role[]>>

type Matrix = typeof matrix
export type Permission = { [R in keyof Matrix]: `${R}:${keyof Matrix[R] & string}` }[keyof Matrix]

/** Who has a permission. @throws for one that the matrix doesn't have */
export function rolesWith(permission: string): readonly Role[] {
  const [resource = '', action = ''] = permission.split(':')
  const found = (matrix as Record<string, Record<string, readonly Role[]>>)[resource]?.[action]
  if (found === undefined) throw new Error(`The permission matrix has no ${permission}`)
  return found
}

/** Whether somebody has a permission. For members a dataset's parties decide in addition: see requireParty. */
export function may(actor: Actor, permission: string): boolean {
  return (rolesWith(permission) as readonly string[]).includes(actor.role)
}

/** The permissions somebody has, as `resource:action`. */
export function permissionsOf(actor: Actor): string[] {
  return allPermissions().filter((permission) => may(actor, permission))
}

export function allPermissions(): Permission[] {
  return Object.entries(matrix).flatMap(([resource, actions]) =>
    Object.keys(actions).map((action) => `${resource}:${action}` as Permission),
  )
}

/** Whether one role may do no more than the other may. `roles` goes from the most to the least. */
export function isWithin(role: Role, other: Actor['role']): boolean {
  const rank = (roles as readonly string[]).indexOf(other)
  return rank !== -1 && roles.indexOf(role) >= rank
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller must be allowed to do. `public`: nobody is asked. A route without it stops the start. */
    permission?: Permission | 'public' | 'signed-in'
  }
}
