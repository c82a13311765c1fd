import { readRecords, type ArtifactRecord } from '../src/snapshots/artifact-reader.ts'
import { ChunkCutter } from '../src/cleanups/cut-chunks.ts'
import { removeChunk } from '../src/cleanups/remove-chunk.ts'
import type { Chat } from './chat.ts'
import { copyIn, copyToFiles, tables } from './baselines.ts'
import { takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure, type Case } from './measure.ts'
import type { Section } from './report.ts'

/** All of it: captured, read back, then chunk after chunk locked, proven and deleted. */
export async function cleanups({ server, chat, rounds }: Ground): Promise<Section> {
  await copyToFiles(chat)
  const { rows } = chat
  const full = async () => {
    await chat.sql(`TRUNCATE ${tables.join(', ')}`)
    await copyIn(chat)
    await chat.sql('ANALYZE')
    await server.settle()
  }
  let longest = 0
  const cases: Case[] = [
    { name: 'DELETE', baseline: true, rows, before: full, run: () => chat.sql('DELETE FROM chat.sessions') },
    { name: 'the snapshot alone', rows, before: full, run: async () => void (await takeSnapshot(chat)) },
    {
      name: 'cleanup',
      rows,
      before: full,
      run: async () => void (longest = Math.max(longest, await removeAll(chat))),
    },
  ]
  const figures = await measure(cases, rounds)
  await full()
  return {
    title: 'Cleanup of everything',
    about: `\`DELETE\` removes the same rows in one statement and one transaction, children by ON DELETE CASCADE. The cleanup captures and reads back a snapshot first; then each chunk of at most 1,000 records and 4 MB is locked, read anew, compared byte for byte with the stored copy, deleted and committed: what it takes beyond the snapshot alone. The longest that rows were locked: ${longest} ms.`,
    unit: 's',
    figures,
  }
}

/** @returns the longest that rows were locked, in milliseconds */
async function removeAll(chat: Chat): Promise<number> {
  const { source, dataset, store } = chat
  const manifest = await takeSnapshot(chat)
  let longest = 0
  for await (const records of chunks(readRecords(store, manifest, dataset.root.key.length))) {
    const { removed, lockedMs } = await source.withConnection((client) =>
      removeChunk({
        ...{ client, dataset, records, signal: new AbortController().signal },
        spare: async () => [],
        begun: async () => undefined,
        beforeCommit: async () => undefined,
      }),
    )
    if (removed.length !== records.length) throw new Error('records were left')
    longest = Math.max(longest, lockedMs)
  }
  return longest
}

/** As the service cuts them: records of this shape by their number and their bytes. */
async function* chunks(batches: AsyncIterable<ArtifactRecord[]>): AsyncGenerator<ArtifactRecord[]> {
  const cutter = new ChunkCutter()
  let number = 1
  let chunk: ArtifactRecord[] = []
  for await (const batch of batches) {
    for (const record of batch) {
      const next = cutter.chunkOf({ json: record.json, rows: [] })
      if (next > number) {
        yield chunk
        chunk = []
        number = next
      }
      chunk.push(record)
    }
  }
  if (chunk.length > 0) yield chunk
}
