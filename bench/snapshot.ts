import { copyOut, pgDump } from './baselines.ts'
import { takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure, type Case } from './measure.ts'
import type { Section } from './report.ts'

/** A snapshot of everything. */
export async function snapshot({ server, chat, hasTools, rounds }: Ground): Promise<Section> {
  const { rows } = chat
  const cases: Case[] = [
    { name: 'COPY', baseline: true, rows, run: () => copyOut(chat) },
    { name: 'snapshot', rows, run: async () => void (await takeSnapshot(chat)) },
  ]
  if (hasTools)
    cases.splice(1, 0, { name: 'pg_dump', baseline: true, elsewhere: true, rows, run: () => pgDump(chat) })
  return {
    title: 'Snapshot of everything',
    about:
      '`COPY` reads both tables and throws the bytes away; `pg_dump -Fc` writes a compressed dump. The snapshot reads at one instant, nests, compresses, hashes, stores, reads back and hashes again.',
    unit: 's',
    figures: await measure(
      cases.map((one) => ({ ...one, before: server.settle })),
      rounds,
    ),
  }
}
