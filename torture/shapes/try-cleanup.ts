import { differences, observe, observeOutside, recordKeys } from './observe.ts'
import { Broken, finished, restoreTo, type Answer, type Trial } from './steps.ts'

/** Removes some records, looks whether they and nothing else are gone, and takes that back. */
export async function tryCleanup(trial: Trial, random: () => number): Promise<void> {
  const { client, model, bench, tried } = trial
  const keys = (await recordKeys(client, model)).filter(() => random() < 0.4)
  if (keys.length === 0) return
  const before = await observe(client, model)
  const outside = await observeOutside(client, model)
  const wanted = { dataset: 'shape', scope: { keys: keys.map(({ key }) => key) }, target: 'records' }
  const preview = await finished(trial, 'cleanups', wanted)
  if (preview.plan.records === 0) return
  const done = await finished(trial, 'cleanups', {
    ...wanted,
    confirmDelete: true,
    planHash: preview.planHash,
  })
  if (done.status !== 'completed') throw new Broken(`a cleanup is ${done.status}`)
  const { body } = await bench.call('GET', `/cleanups/${done.id}`)
  const left = (body as unknown as Answer).left.map(({ key, code }) => [JSON.stringify(key), code] as const)
  const bad = left.find(([, code]) => !['REFERENCED', 'PROTECTED', 'HELD'].includes(code))
  if (bad !== undefined) throw new Broken(`a cleanup left ${bad.join(' ')}: ${JSON.stringify(body['left'])}`)
  const after = await observe(client, model)
  const there = new Set(after.map(({ record }) => record))
  const gone = new Set(keys.map(({ record }) => record).filter((record) => !there.has(record)))
  if (gone.size !== done.counts.removed)
    throw new Broken(`a cleanup says ${done.counts.removed} removed, ${gone.size} are gone`)
  const found = differences(
    before.filter(({ record }) => record === null || !gone.has(record)),
    after,
  )
  if (found.length > 0)
    throw new Broken(`a cleanup: ${found.length} differences\n${found.slice(0, 6).join('\n')}`)
  if ((await observeOutside(client, model)) !== outside)
    throw new Broken('a cleanup touched rows outside the dataset')
  tried.removed += gone.size
  if (gone.size > 0)
    await restoreTo(trial, `cleanups/${done.id}/undo`, undefined, before, 'the undo of a cleanup')
}
