import { changes } from './changes.ts'
import { fillChat } from './chat.ts'
import { cleanups } from './cleanups.ts'
import { exports } from './exports.ts'
import type { Ground } from './ground.ts'
import { median } from './measure.ts'
import { nothingToChange } from './nothing-to-change.ts'
import { oneRecord } from './one-record.ts'
import type { Growth } from './plot.ts'
import type { Listing, Section } from './report.ts'
import { restore } from './restore.ts'
import { snapshot } from './snapshot.ts'

/** Sessions, each with as many messages as asked for: a hundredth, a tenth, all. */
const shares = [0.01, 0.1, 1]

const benchmarks: ((ground: Ground) => Promise<Section>)[] = [
  snapshot,
  changes,
  restore,
  exports,
  cleanups,
  nothingToChange,
  oneRecord,
]

/** What each figure costs as the source grows by ten and by a hundred. */
export async function scale(ground: Ground): Promise<Listing & { growth: Growth }> {
  const sizes = shares.map((share) => Math.round(ground.chat.sessions * share))
  const taken = new Map<string, number[]>()
  for (const sessions of sizes) {
    for (const [name, seconds] of await figuresAt(ground, sessions))
      taken.set(name, [...(taken.get(name) ?? []), seconds])
  }
  const messages = Math.round(ground.chat.rows / ground.chat.sessions) - 1
  return {
    title: 'As the source grows',
    about: `The figures above for ${sizes.map((size) => size.toLocaleString('en')).join(', ')} sessions with ${messages} messages each, in seconds. "Growth" is how much longer the largest takes than the smallest, of which there is ${sizes.at(-1)! / sizes[0]!} times as much: less than that is better than linear.`,
    head: ['', ...sizes.map((size) => size.toLocaleString('en')), 'growth'],
    rows: [...taken].map(([name, seconds]) => [
      name,
      ...seconds.map((value) => value.toPrecision(3)),
      `${(seconds.at(-1)! / seconds[0]!).toFixed(1)} x`,
    ]),
    growth: { sizes, lines: [...taken] },
  }
}

async function figuresAt(ground: Ground, sessions: number): Promise<[string, number][]> {
  const { server } = ground
  const database = 'holdfast_bench_scale'
  await server.drop(database)
  const messages = Math.round(ground.chat.rows / ground.chat.sessions) - 1
  const chat = await fillChat(await server.create(database), { sessions, messages })
  const figures: [string, number][] = []
  try {
    for (const benchmark of benchmarks) {
      const section = await benchmark({ ...ground, chat, rounds: 1, repeat: 5 })
      for (const { name, baseline, seconds } of section.figures)
        if (!baseline) figures.push([`${name} (${section.title})`, median(seconds)])
    }
  } finally {
    await chat.close()
    await server.drop(database)
  }
  return figures
}
