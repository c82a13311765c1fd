import type { Actor } from '../audit/actor.ts'
import { isOpenTo } from './parties.ts'
import type { Datasets, ListedDataset } from './plugin.ts'

/** The datasets that somebody finds in lists: a member only those that can be used and whose records name people. */
export function openDatasets(datasets: Pick<Datasets, 'list' | 'get'>, actor: Actor): ListedDataset[] {
  if (actor.role !== 'member') return datasets.list()
  return usableDatasets(datasets, actor)
}

/** Those of them that something can be done with. */
export function usableDatasets(datasets: Pick<Datasets, 'list' | 'get'>, actor: Actor): ListedDataset[] {
  const usable = datasets.list().filter(({ problems }) => problems.length === 0)
  return usable.filter(({ name }) => isOpenTo(actor, datasets.get(name)))
}
