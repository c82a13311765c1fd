import { failpointNames } from '../src/platform/failpoints.ts'
import { openPlace, type Ends } from './place.ts'
import type { Random } from './random.ts'
import { startService } from './service.ts'
import { keepWorking, openLedger, workloads } from './workloads.ts'

/** What is reached only by a service that finds what a dead one left, and is shown by the kills. */
export const afterDeath = 'restore.settling'

/**
 * Does all kinds of work until every failpoint was reached, or the time is up.
 * @returns the names that were not
 */
export async function unreachedNames(ends: Ends, random: Random, timeoutMs: number): Promise<string[]> {
  const place = await openPlace(ends, 's3')
  const left = new Set<string>(failpointNames.filter((name) => name !== afterDeath))
  const all = Promise.withResolvers<void>()
  const onFailpoint = (name: string) => {
    left.delete(name)
    if (left.size === 0) all.resolve()
  }
  const service = (await startService({ environment: place.environment, onFailpoint }))!
  ends.teardown(() => service.kill())
  const ledger = await openLedger(service, place)
  const work = Object.keys(workloads).map((name) =>
    keepWorking({ service, place, ledger, random: random.fork() }, name),
  )
  const timer = setTimeout(all.resolve, timeoutMs)
  await all.promise
  clearTimeout(timer)
  await service.kill()
  await Promise.all(work)
  return [...left]
}
