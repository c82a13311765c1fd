import { copyOut } from './baselines.ts'
import { compare, takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure } from './measure.ts'
import type { Section } from './report.ts'

/** What changed since a snapshot, with one record in a hundred changed. */
export async function changes({ server, chat, rounds }: Ground): Promise<Section> {
  const { rows } = chat
  const manifest = await takeSnapshot(chat)
  await chat.sql(setSubject(`subject || ' (changed)'`))
  const before = server.settle
  const figures = await measure(
    [
      { name: 'COPY', baseline: true, rows, before, run: () => copyOut(chat) },
      { name: 'snapshot', baseline: true, rows, before, run: async () => void (await takeSnapshot(chat)) },
      {
        name: 'what changed',
        rows,
        before,
        async run() {
          const changed = await compare(chat, manifest)
          if (changed !== Math.floor(chat.sessions / 100)) throw new Error(`${changed} records changed`)
        },
      },
    ],
    rounds,
  )
  await chat.sql(setSubject(`regexp_replace(subject, ' \\(changed\\)$', '')`))
  return {
    title: 'What changed since a snapshot',
    about: 'Every record is compared; one in a hundred differs and is looked into field by field.',
    unit: 's',
    figures,
  }
}

function setSubject(expression: string): string {
  return `UPDATE chat.sessions SET subject = ${expression} WHERE id % 100 = 0`
}
