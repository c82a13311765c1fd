import type { FastifyRequest } from 'fastify'
import Type, { type TProperties } from 'typebox'
import { url } from '../platform/components.ts'
import { filterOf, type Listed } from '../platform/list-page.ts'
import type { Page } from '../platform/read-page.ts'
import { form } from '../platform/validation.ts'
import { selectionProblems } from './errors.ts'
import type { Filter, Selectable } from './selectable.ts'

/** What is chosen: some by their ids, or all that the filter matches, as many as the page said. */
export interface Chosen extends Record<string, unknown> {
  ids?: string | string[]
  all?: number
  /** The count, typed. */
  confirmation?: string
}

const Id = Type.String({ format: 'uuid' })
const closed = { additionalProperties: false } as const

function fieldsOf({ cursor: _cursor, format: _format, ...filters }: TProperties) {
  return {
    ...filters,
    ids: Type.Optional(Type.Union([Id, Type.Array(Id, { maxItems: 200 })])),
    all: Type.Optional(Type.Integer({ minimum: 1 })),
  }
}

/** The schema of the form around a list. @param query the schema of the list's query */
export function ChosenForm(query: { properties: TProperties }) {
  const confirmation = Type.Optional(Type.String({ maxLength: 200 }))
  return Type.Object({ ...fieldsOf(query.properties), confirmation }, { ...closed, ...form })
}

/** The same as the query of the page that asks once more. */
export function ChosenQuery(query: { properties: TProperties }) {
  return Type.Object(fieldsOf(query.properties), closed)
}

/** The filter and the order of the list in which something was chosen. */
export function listQueryOf({ ids: _ids, all: _all, confirmation: _confirmation, ...query }: Chosen): Listed {
  return query
}

/** An address with what is chosen. */
export function chosenUrl(path: string, { ids = [], ...chosen }: Chosen): string {
  const { confirmation: _confirmation, ...query } = chosen
  const address = url(path, query)
  if (chosen.all !== undefined || ids.length === 0) return address
  const list = [ids].flat().map((id) => `ids=${id}`)
  return `${address}${address.includes('?') ? '&' : '?'}${list.join('&')}`
}

const readAtOnce = 1000

/**
 * The things that are chosen, as far as there are any and the caller may see them.
 * @param agreed all that match have to be as many as the page said
 * @throws Problem SELECTION_EMPTY, SELECTION_CHANGED, SELECTION_TOO_LARGE
 */
export async function readChosen<Item extends { id: string }>(
  list: Selectable<Item>,
  request: FastifyRequest,
  chosen: Chosen,
  { agreed }: { agreed: boolean },
): Promise<Item[]> {
  const items: Item[] = []
  const filter = await countableFilter(list, request, chosen)
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Page<Item> = await list.read(request, filter, { limit: readAtOnce, cursor })
    items.push(...page.items)
    cursor = page.nextCursor
  }
  if (agreed && chosen.all !== undefined && items.length !== chosen.all)
    throw selectionProblems.SELECTION_CHANGED(
      `There were ${chosen.all} when the page was made; there are ${items.length} now.`,
    )
  if (items.length === 0) throw selectionProblems.SELECTION_EMPTY('Nothing that is still there was chosen.')
  return items
}

async function countableFilter<Item extends { id: string }>(
  list: Selectable<Item>,
  request: FastifyRequest,
  chosen: Chosen,
): Promise<Filter> {
  if (chosen.all === undefined) return { ids: idsOf(chosen) }
  const filter = filterOf(listQueryOf(chosen))
  const count = await list.count(request, filter)
  if (count === null) throw selectionProblems.SELECTION_TOO_LARGE('How many match cannot be told.')
  if (!count.isExact) throw selectionProblems.SELECTION_TOO_LARGE(`More than ${count.count} match.`)
  return filter
}

function idsOf({ ids = [] }: Chosen): string[] {
  if (ids.length === 0) throw selectionProblems.SELECTION_EMPTY('No box is ticked.')
  return [ids].flat()
}
