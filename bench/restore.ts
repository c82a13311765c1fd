import { copyIn, copyToFiles, pgDump, pgRestore, tables } from './baselines.ts'
import { applyRestore, planRestore, takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure, type Case } from './measure.ts'
import type { Section } from './report.ts'

/** All of it into empty tables, with their indexes and foreign keys. */
export async function restore(ground: Ground): Promise<Section> {
  const { server, chat, hasTools, rounds } = ground
  const { rows } = chat
  const manifest = await takeSnapshot(chat)
  await copyToFiles(chat)
  if (hasTools) await pgDump(chat)
  const empty = async () => {
    await chat.sql(`TRUNCATE ${tables.join(', ')}`)
    await server.settle()
  }
  await empty()
  const plan = await planRestore(chat, manifest)
  const cases: Case[] = [
    { name: 'COPY FROM', baseline: true, rows, before: empty, run: () => copyIn(chat) },
    ...(hasTools ? [intoNewDatabase(ground)] : []),
    { name: 'plan', rows, before: empty, run: async () => void (await planRestore(chat, manifest)) },
    { name: 'restore', rows, before: empty, run: () => applyRestore(chat, manifest, plan) },
  ]
  const figures = await measure(cases, rounds)
  return {
    title: 'Restore of everything into empty tables',
    about:
      '`COPY FROM` fills the same tables from files, in one transaction; `pg_restore` fills an empty database from its dump, indexes last. The restore verifies the artifact, compares, captures what it is about to touch, locks, writes, and proves every row before it commits.',
    unit: 's',
    figures,
  }
}

function intoNewDatabase({ server, chat }: Ground): Case {
  const name = 'holdfast_bench_restored'
  let url = ''
  return {
    name: 'pg_restore',
    baseline: true,
    elsewhere: true,
    rows: chat.rows,
    async before() {
      url = await server.create(name)
      await server.settle()
    },
    run: () => pgRestore(chat, url),
    after: () => server.drop(name),
  }
}
