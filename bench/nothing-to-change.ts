import { applyRestore, planRestore, takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure } from './measure.ts'
import type { Section } from './report.ts'

/** A restore that finds everything as it was. */
export async function nothingToChange({ server, chat, rounds }: Ground): Promise<Section> {
  const { rows } = chat
  const manifest = await takeSnapshot(chat)
  const plan = await planRestore(chat, manifest)
  const before = server.settle
  const figures = await measure(
    [
      { name: 'snapshot', baseline: true, rows, before, run: async () => void (await takeSnapshot(chat)) },
      { name: 'plan', rows, before, run: async () => void (await planRestore(chat, manifest)) },
      { name: 'restore', rows, before, run: () => applyRestore(chat, manifest, plan) },
    ],
    rounds,
  )
  return {
    title: 'Restore with nothing to change',
    about:
      'Beside a snapshot of the same rows. The restore verifies the whole artifact while it compares every record.',
    unit: 's',
    figures,
  }
}
