import { raw, type FilterQuery } from '@mikro-orm/core'
import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import { areGranted, isOpenTo } from '../datasets/parties.ts'
import { keysOf } from '../datasets/scope.ts'
import type { Export } from './export.ts'

/** What can hold a member's records alone; null for everybody else, who sees all. */
export function memberCondition(app: FastifyInstance, actor: Actor): FilterQuery<Export> | null {
  if (actor.role !== 'member') return null
  return { dataset: { $in: openDatasets(app, actor) }, [raw(`scope -> 'keys'`)]: { $ne: null } }
}

function openDatasets(app: FastifyInstance, actor: Actor): string[] {
  const usable = app.datasets.list().filter(({ problems }) => problems.length === 0)
  return usable.map(({ name }) => name).filter((name) => isOpenTo(actor, app.datasets.get(name)))
}

/** Those of some exports that somebody may see in a list; a member those whose every record grants it. */
export async function visibleOf(app: FastifyInstance, actor: Actor, exports: Export[]): Promise<Set<Export>> {
  if (actor.role !== 'member') return new Set(exports)
  const visible = new Set<Export>()
  for (const [name, group] of Map.groupBy(exports, ({ dataset }) => dataset)) {
    const keys = group.map(({ scope }) => keysOf(scope))
    const granted = await areGranted(app, actor, app.datasets.get(name), keys, 'list')
    for (const [i, exported] of group.entries()) if (granted[i]) visible.add(exported)
  }
  return visible
}
