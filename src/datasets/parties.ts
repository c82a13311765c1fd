import { accessProblems } from '../access/errors.ts'
import type { Actor } from '../audit/actor.ts'
import type { KeyValue } from '../source/keys.ts'
import type { Dataset, Parties, PartyAction } from './definition.ts'
import { namesCondition, rolesQuery } from './party-queries.ts'
import type { Datasets } from './plugin.ts'

/** The app, as far as it takes to ask a source. */
type Sources = { datasets: Pick<Datasets, 'source'> }

/** The records that something is about, by their keys as the dataset has them. Null: its scope isn't given by keys. */
export type Keys = KeyValue[][] | null

/** Whether somebody finds a dataset at all: a member only one whose records name people. */
export function isOpenTo(actor: Actor, dataset: Pick<Dataset, 'parties'>): boolean {
  return actor.role !== 'member' || dataset.parties !== null
}

/**
 * Refuses a member what the records themselves don't grant. Others are past this: what their role may was asked when
 * the request came in. A scope that isn't given by keys could hold anybody's records, so no member may use it.
 * @throws NOT_A_PARTY unless every record names the actor; FORBIDDEN when what it names them as isn't enough;
 *   SOURCE_… when the source can't be asked
 */
export async function requireParty(
  app: Sources,
  actor: Actor,
  dataset: Dataset,
  keys: Keys,
  action: PartyAction,
): Promise<void> {
  if (actor.role !== 'member') return
  const { parties, name } = dataset
  if (parties === null)
    throw accessProblems.FORBIDDEN(`The records of ${name} name no people, so members may do nothing there.`)
  if (keys === null || keys.length === 0)
    throw accessProblems.FORBIDDEN('A member acts on single records: name them in scope.keys.')
  const roles = await rolesIn(app, actor, dataset, parties, keys)
  for (const [i, key] of keys.entries())
    requireRole(parties, roles[i] ?? [], action, `${name} ${JSON.stringify(key)}`)
}

function requireRole({ permissions }: Parties, roles: string[], action: PartyAction, record: string): void {
  if (roles.length === 0) throw accessProblems.NOT_A_PARTY(`You are not a party to ${record}.`)
  const allowed = permissions[action]
  if (roles.some((role) => allowed.includes(role))) return
  const needed = allowed.length === 0 ? 'nobody may' : `it takes ${allowed.join(' or ')}`
  throw accessProblems.FORBIDDEN(`You are ${roles.join(' and ')} in ${record}. To ${action}, ${needed}.`, {
    extensions: { permission: action, roles: allowed },
  })
}

/**
 * Tells, for a list, which of several things of one dataset somebody may see: a member those of which every record names
 * them in a role that may.
 * @returns one answer for each, in their order
 */
export async function areGranted(
  app: Sources,
  actor: Actor,
  dataset: Dataset,
  things: Keys[],
  action: PartyAction,
): Promise<boolean[]> {
  if (actor.role !== 'member') return things.map(() => true)
  const { parties } = dataset
  if (parties === null) return things.map(() => false)
  const roles = await rolesIn(
    app,
    actor,
    dataset,
    parties,
    things.flatMap((keys) => keys ?? []),
  )
  const isAllowed = roles.map((found) => found.some((role) => parties.permissions[action].includes(role)))
  let next = 0
  return things.map((keys) => {
    const mine = isAllowed.slice(next, (next += keys?.length ?? 0))
    return mine.length > 0 && mine.every(Boolean)
  })
}

/** The actor's roles in each of some records; none in those that don't name them. API tokens are named nowhere. */
export async function rolesIn(
  app: Sources,
  { email }: Actor,
  dataset: Dataset,
  parties: Parties,
  keys: KeyValue[][],
): Promise<string[][]> {
  if (email === undefined || keys.length === 0) return keys.map(() => [])
  const query = rolesQuery(dataset.root, parties, email, keys)
  const source = app.datasets.source(dataset)
  const { rows } = await source.withConnection((client) => client.query<{ roles: string[] }>(query))
  return rows.map(({ roles }) => roles)
}

/**
 * What narrows a list of records to those that somebody may see.
 * @returns an SQL condition over the alias `t0` of the records' table, without parameters; null: all of them
 */
export function partyCondition(actor: Actor, dataset: Dataset, action: PartyAction): string | null {
  if (actor.role !== 'member') return null
  const { parties, root } = dataset
  if (parties === null || actor.email === undefined) return 'false'
  return namesCondition(root, parties, actor.email, parties.permissions[action])
}
