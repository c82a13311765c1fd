import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import type { TProperties } from 'typebox'
import type { Count } from '../platform/list-page.ts'
import type { Page, PageQuery } from '../platform/read-page.ts'

/** A list in which several things can be chosen, and what can be done with them. */
export interface Selectable<Item extends { id: string }> {
  /** Where the list is, such as `/snapshots`. */
  path: string
  /** What one of them is called, such as `snapshot`. */
  noun: string
  /** The schema of the list's query. */
  query: { properties: TProperties }
  /** One page of what the caller may see. @param filter as `filterOf` gives it, or the ids that are meant */
  read(request: FastifyRequest, filter: Filter, page: PageQuery): Promise<Page<Item>>
  /** How many match; null where that can't be told without looking into each. */
  count(request: FastifyRequest, filter: Filter): Promise<Count | null>
  /** What one is called in a sample. */
  nameOf(item: Item): string
  actions: SelectionAction[]
}

export type Filter = Record<string, unknown> & { ids?: string[] }

/** Something that can be done with each of several things, by the very verb that does it with one. */
export interface SelectionAction {
  /** The end of its address: `deletion` makes `/snapshots/selection/deletion`. */
  name: string
  permission: NonNullable<FastifyContextConfig['permission']> & `${string}:${string}`
  /** What the button says, such as `Delete`. */
  label: string
  icon: string
  /** What becomes of them, such as `deleted`. */
  done: string
  /** What is lost by it. It is then asked for once more, with the exact count typed. */
  warning?: string
  /** @throws Problem when this one is refused; it is counted, recorded and shown, and the others are done */
  act(request: FastifyRequest, id: string): Promise<unknown>
}
