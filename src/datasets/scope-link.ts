import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Actor } from '../audit/actor.ts'
import { TextFilter } from '../platform/filters.ts'
import { matchingKeys } from './browse-records.ts'
import { partyCondition } from './parties.ts'
import { maxKeys, type Scope } from './scope.ts'
import { invalidField, lineOfKey } from './typed-keys.ts'

const Line = { type: 'string', maxLength: 2000 }

/**
 * The query by which a page leads to a form that asks for records: what the form then shows as chosen. `all` means all that a
 * filter of the records' list matches, whatever else was chosen there.
 */
export const scopeLink = {
  dataset: TextFilter,
  which: Type.Optional(Type.Enum(['all', 'month', 'period', 'keys'])),
  month: Type.Optional(Type.String({ maxLength: 20 })),
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
  keys: Type.Optional(
    Type.Unsafe<string | string[]>({ ...Line, type: ['string', 'array'], items: Line, maxItems: 200 }),
  ),
  all: Type.Optional(Type.Boolean()),
  q: TextFilter,
}

const Link = Type.Object(scopeLink)

/** The fields of views/partials/scope.eta. */
export interface ChosenScope {
  which: 'all' | 'month' | 'period' | 'keys'
  month?: string | undefined
  from?: string | undefined
  to?: string | undefined
  /** One a line. */
  keys?: string | undefined
}

/**
 * What a link asks for, as a form shows it.
 * @throws Problem VALIDATION_FAILED when more records match than one scope may name; DATASET_…, SOURCE_…
 */
export async function chosenScope(
  app: FastifyInstance,
  actor: Actor,
  { dataset, which, all = false, q, keys, ...period }: Static<typeof Link>,
): Promise<ChosenScope> {
  const { month, from, to } = period
  const byDate = month !== undefined ? 'month' : from !== undefined || to !== undefined ? 'period' : 'all'
  if (all && q !== undefined && dataset !== undefined)
    return { which: 'keys', keys: await keysMatching(app, actor, dataset, { q, ...period }) }
  if (all || keys === undefined) return { which: all ? byDate : (which ?? byDate), ...period }
  return { which: which ?? 'keys', ...period, keys: [keys].flat().join('\n') }
}

async function keysMatching(
  app: FastifyInstance,
  actor: Actor,
  name: string,
  filter: Parameters<typeof matchingKeys>[2],
): Promise<string> {
  const dataset = app.datasets.get(name)
  const granted = partyCondition(actor, dataset, 'list')
  const keys = await matchingKeys(app.datasets.source(dataset), dataset, filter, granted, maxKeys + 1)
  if (keys.length <= maxKeys) return keys.map(lineOfKey).join('\n')
  throw invalidField('q', `matches more than ${maxKeys} records; narrow it, or take a period`)
}

/** A scope as the fields of a form or of a link that asks for the same again. */
export function fieldsOfScope(scope: Scope): ChosenScope {
  if ('keys' in scope) return { which: 'keys', keys: scope.keys.map(lineOfKey).join('\n') }
  if ('month' in scope) return { which: 'month', month: scope.month }
  if ('all' in scope) return { which: 'all' }
  return { which: 'period', from: scope.from, to: scope.to }
}
