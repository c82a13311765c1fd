import { randomBytes } from 'node:crypto'
import t from 'tap'
import { fillChat } from '../../bench/chat.ts'
import type { Figure } from '../../bench/measure.ts'
import { openServer } from '../../bench/server.ts'
import { knownRatios, shortForm } from '../../bench/short-form.ts'
import { testServer } from '../support/postgres.ts'

t.test('no ratio is more than twice what it was when it was written down', async (t) => {
  const server = await openServer(testServer())
  const database = `bench_${randomBytes(6).toString('hex')}`
  const chat = await fillChat(await server.create(database), shortForm)
  t.teardown(async () => {
    await chat.close()
    await server.drop(database)
    await server.close()
  })
  for (const { benchmark, figure, baseline, ratio } of knownRatios) {
    const { figures } = await benchmark({ server, chat, hasTools: false, rounds: 3, repeat: 3, entries: 0 })
    const named = (wanted: string) => figures.find(({ name }) => name === wanted)!
    const least = leastRatio(named(figure), named(baseline))
    t.ok(least <= 2 * ratio, `${figure} to ${baseline}: ${least.toFixed(2)}, known ${ratio}`)
  }
})

/** Of the round that was disturbed least: what else the machine does may only make a ratio worse. */
function leastRatio(figure: Figure, to: Figure): number {
  return Math.min(...figure.seconds.map((seconds, round) => seconds / to.seconds[round]!))
}
