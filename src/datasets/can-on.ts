import type { FastifyInstance } from 'fastify'
import { may } from '../access/permissions.ts'
import type { Actor } from '../audit/actor.ts'
import { rolesIn, type Keys } from './parties.ts'
import { partyActions } from './policies.ts'

/** Whether the reader of a page has a permission, there: what a page shows of its buttons goes by it. */
export type Can = (permission: string) => boolean

/** Resources whose permissions a member has only as far as the parties of the records grant them. */
const byParty = /^(snapshots|exports):/

/**
 * What somebody may do with something that is about certain records. Of a member, what their roles in all of these records
 * grant; lists stay what they are.
 * @param name the dataset's; asked for only for a member, since it may be gone while its snapshots stay
 */
export async function canOn(app: FastifyInstance, actor: Actor, name: string, keys: Keys): Promise<Can> {
  if (actor.role !== 'member') return (permission) => may(actor, permission)
  const dataset = app.datasets.get(name)
  const { parties } = dataset
  const roles = parties === null ? [] : await rolesIn(app, actor, dataset, parties, keys ?? [])
  const granted = partyActions.filter((action) =>
    roles.every((mine) => mine.some((role) => parties?.permissions[action].includes(role))),
  )
  return (permission) => {
    const action = partyActions.find((known) => byParty.test(permission) && permission.endsWith(`:${known}`))
    const isOfLists = action === undefined || action === 'list'
    return may(actor, permission) && (isOfLists || granted.includes(action))
  }
}
