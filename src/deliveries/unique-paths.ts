import type { EntityManager } from '../platform/database.ts'
import { createTakenPaths, findTakenPaths, takePaths } from './queries.ts'
import { foldPath, safePath, type NameRules } from './safe-names.ts'

/** A file's place as the data has it. */
export interface Place {
  folders: string[]
  name: string
}

export interface UniquePaths {
  /** @returns a path for each, in their order, that no other file has, whatever the case of its letters */
  assign(places: Place[]): Promise<string[]>
}

/**
 * Gives every file a path of its own: the first of a name has it, the next ` (2)` and so on. The same files in the same
 * order always get the same paths. What is taken lies in the database: a million names are too many to hold.
 * @param em in a transaction, which it all lasts for
 */
export async function createUniquePaths(em: EntityManager, rules: NameRules): Promise<UniquePaths> {
  await createTakenPaths(em)
  return {
    async assign(places) {
      const taken = new Map<string, number>()
      const looked = new Set<string>()
      const changed = new Map<string, number>()
      const look = async (paths: string[]) => {
        const unknown = paths.filter((path) => !looked.has(path))
        if (unknown.length === 0) return
        for (const [path, next] of await findTakenPaths(em, unknown)) taken.set(path, next)
        for (const path of unknown) looked.add(path)
      }
      const take = (path: string, next: number) => {
        taken.set(path, next)
        changed.set(path, next)
      }
      const firsts = places.map(({ folders, name }) => safePath(folders, name, 1, rules))
      await look(firsts.map(foldPath))
      await look(likelyNext(places, firsts, taken, rules))
      const paths: string[] = []
      for (const [i, { folders, name }] of places.entries()) {
        const first = foldPath(firsts[i]!)
        let path = firsts[i]!
        let n = taken.get(first) ?? 1
        for (; ; n++) {
          path = safePath(folders, name, n, rules)
          const folded = foldPath(path)
          await look([folded])
          if (!taken.has(folded)) break
        }
        take(foldPath(path), 2)
        take(first, n + 1)
        paths.push(path)
      }
      await takePaths(em, changed)
      return paths
    },
  }
}

/** The numbered names that those of a chunk will try, so that they can be asked for at once. */
function likelyNext(
  places: Place[],
  firsts: string[],
  taken: ReadonlyMap<string, number>,
  rules: NameRules,
): string[] {
  const next = new Map<string, number>()
  return places.flatMap(({ folders, name }, i) => {
    const first = foldPath(firsts[i]!)
    const n = next.get(first) ?? taken.get(first) ?? 1
    next.set(first, n + 1)
    return n === 1 ? [] : [foldPath(safePath(folders, name, n, rules))]
  })
}
