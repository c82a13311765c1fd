import { access } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { sql, testDatabase } from '../support/postgres.ts'
import { listeningService, token } from './service.ts'
import { openWalk, readJson } from './walk.ts'

t.test('conversations, as its README.md walks through it', async (t) => {
  const source = await testDatabase(t)
  const walk = await openWalk(t, 'conversations')
  const { section } = walk
  const store = join(walk.shell.folder, 'store')
  await walk.shell.set({ SOURCE_URL: source, STORE: store })
  await walk.shell.run('mkdir "$STORE"')
  await section('Fill a database')
  const service = await listeningService(t, source, { HOLDFAST_STORE_URL: `file:${store}` })
  await walk.shell.set({ HOLDFAST_URL: service.url, HOLDFAST_BOOTSTRAP_TOKEN: token })
  await section('The system')
  const before = await conversations(source)

  await section('Bulk delete, with a backup first', async (t) => {
    const { records } = await readJson<{ records: Conversation[] }>(walk, 'backup-content.json')
    const after = await conversations(source)
    t.equal(after.size, 1_975)
    t.strictSame(
      new Map([...after, ...records.map(({ id, turns }): [string, string] => [id, said(turns)])].sort()),
      before,
      'the backup and what is left are all that there was, to the word',
    )
  })
  await service.setClock('2026-11-28T10:00:00Z')
  await section('Eight days later', async (t) => {
    const { key } = await readJson<{ key: string }>(walk, 'backup.json')
    await t.rejects(access(join(store, key)), { code: 'ENOENT' }, 'the file is gone')
    t.equal((await conversations(source)).size, 1_950)
  })

  await section('Batch generation')
  await service.restart()
  await walk.shell.set({ HOLDFAST_URL: service.url })
  await section('The next visit', async (t) => {
    t.strictSame(
      await sql(
        source,
        `SELECT count(*)::int AS conversations, count(DISTINCT batch_item)::int AS items,
                sum((SELECT count(*) FROM conversations.turns WHERE conversation_id = c.id))::int AS turns
         FROM conversations.conversations c WHERE batch_item LIKE 'walk/%'`,
      ),
      [{ conversations: 498, items: 498, turns: 996 }],
      'each item once, whole',
    )
    const live = await walk.shell.run("grep -c '^event: progress' live.txt; grep -c '^event: done' live.txt")
    const [steps, ends] = live.trim().split('\n').map(Number)
    t.ok(steps! > 1, 'the progress was seen')
    t.equal(ends, 1)
  })
  await service.goTo('2026-12-06T06:00:30Z')
  await section('Another week later')
  walk.end()
})

interface Conversation {
  id: string
  turns: Turn[]
}

interface Turn {
  sequence: number
  role: string
  content: string
}

function said(turns: Turn[]): string {
  return turns.map(({ sequence, role, content }) => `${sequence} ${role}: ${content}`).join('\n')
}

/** By id, what was said in it. */
async function conversations(source: string): Promise<Map<string, string>> {
  const rows = await sql(
    source,
    `SELECT conversation_id AS id, string_agg(sequence || ' ' || role || ': ' || content, E'\\n' ORDER BY sequence) AS said
     FROM conversations.turns GROUP BY 1 ORDER BY 1`,
  )
  return new Map(rows.map(({ id, said }) => [String(id), String(said)]))
}
