/**
 * Does something for each of a list, a few at the same time.
 * @returns what came of each, in order @throws the first failure, when those under way have ended
 */
export async function eachAtOnce<T, R>(
  list: readonly T[],
  atOnce: number,
  work: (one: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const hand = async () => {
    while (next < list.length) {
      const i = next++
      results[i] = await work(list[i]!)
    }
  }
  const hands = await Promise.allSettled(Array.from({ length: Math.min(atOnce, list.length) }, hand))
  for (const one of hands) if (one.status === 'rejected') throw one.reason
  return results
}
