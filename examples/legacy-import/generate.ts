import type { ClientBase } from 'pg'
import { load, type Value } from '../load.ts'
import { people } from '../people.ts'
import { day, hour, Random, shifted } from '../random.ts'
import { categoryNames, paper } from './file-names.ts'

export interface LegacyImportSize {
  sessions: number
  /** Of the first session. */
  documents: number
  /** Of each of the others; fewer than the first has unless given. */
  others?: number
  /** Of each session, 16 at most. */
  categories: number
}

interface Session {
  id: string
  random: Random
  createdAt: Date
  completed: boolean
  categories: { name: string; documents: number }[]
  batches: string[]
  documents: Value[][]
}

const documentsPerBatch = 200

/** Fills the tables; `seed` and `now` alone decide with what. */
export async function generate(
  client: ClientBase,
  { seed, now, ...size }: { seed: number; now: Date } & LegacyImportSize,
): Promise<void> {
  const random = new Random(seed)
  const users = people(random, 9, 'archive.example').map((user) => ({ id: random.uuid(), ...user }))
  await load(
    client,
    'legacy_import.users (id, name, email)',
    users.map(({ id, name, email }) => [id, name, email]),
  )
  for (let number = 0; number < size.sessions; number++) {
    const session = makeSession(new Random(seed, number), now, size, number === 0)
    await loadSession(client, session, users)
  }
}

/** The first one is still being worked on. */
function makeSession(random: Random, now: Date, size: LegacyImportSize, first: boolean): Session {
  const session: Session = {
    id: random.uuid(),
    random,
    createdAt: shifted(now, -random.integer(first ? 2 : 5, first ? 4 : 300) * day),
    completed: !first && random.chance(0.7),
    categories: random.several(categoryNames, size.categories).map((name) => ({ name, documents: 0 })),
    batches: [],
    documents: [],
  }
  const count = first
    ? size.documents
    : (size.others ?? Math.ceil(size.documents * (0.2 + 0.6 * random.next())))
  session.batches = Array.from({ length: Math.ceil(count / documentsPerBatch) }, () => random.uuid())
  for (let index = 0; index < count; index++) session.documents.push(makeDocument(session, index))
  return session
}

function makeDocument(session: Session, index: number): Value[] {
  const { random, createdAt } = session
  const id = random.uuid()
  const { subject, fileName, extension } = paper(random)
  const [sender] = people(random, 1, 'client.example')
  const done = session.completed || random.chance(0.62)
  const skipped = done && random.chance(0.04)
  const category = done && !skipped ? random.pick(session.categories) : null
  if (category) category.documents++
  return [
    id,
    session.id,
    session.batches[Math.floor(index / documentsPerBatch)]!,
    category?.name ?? null,
    skipped ? 'skipped' : done ? 'categorized' : 'pending',
    fileName,
    `sessions/${session.id}/${id}.${extension}`,
    random.integer(200, 4_000),
    sender!.email,
    random.chance(0.1) ? null : `${random.pick(['', 'Re: ', 'FW: '])}${subject}`,
    random.date(shifted(createdAt, -4_000 * day), createdAt),
    done ? shifted(createdAt, random.integer(1, 40) * hour) : null,
  ]
}

async function loadSession(client: ClientBase, session: Session, users: { id: string }[]): Promise<void> {
  const { random, id, createdAt } = session
  const firm = `firm-${random.integer(100, 999)}`
  await load(client, 'legacy_import.sessions (id, firm_id, archive_file_name, status, stats, created_at)', [
    [
      id,
      firm,
      `${firm} ${random.pick(['Posteingang', 'partner mailbox', 'archive', 'Входящие', '受信箱'])}.pst`,
      session.completed ? 'completed' : 'categorizing',
      stats(session),
      createdAt,
    ],
  ])
  await load(
    client,
    'legacy_import.categories (session_id, name, position, document_count)',
    session.categories.map(({ name, documents }, index) => [id, name, index + 1, documents]),
  )
  await load(
    client,
    'legacy_import.batches (id, session_id, number, assigned_user_id, completed_at)',
    session.batches.map((batch, index) => [
      batch,
      id,
      index + 1,
      random.chance(0.1) ? null : random.pick(users).id,
      session.completed ? shifted(createdAt, random.integer(40, 90) * hour) : null,
    ]),
  )
  await load(
    client,
    `legacy_import.documents (id, session_id, batch_id, category, status, file_name, storage_key, size_bytes,
                              sender, subject, sent_at, categorized_at)`,
    session.documents,
  )
}

function stats({ categories, documents }: Session): Record<string, number> {
  const categorizedCount = categories.reduce((sum, category) => sum + category.documents, 0)
  return { totalDocuments: documents.length, categorizedCount, categoryCount: categories.length }
}
