import type { ClientBase } from 'pg'
import { advanceSequence, load, type Value } from '../load.ts'
import { day, Random, shifted } from '../random.ts'
import { answers, personas, questions, topics } from './lines.ts'

export interface ConversationsSize {
  conversations: number
  /** Of each conversation. */
  turns: number
}

/** Fills the tables; `seed` and `now` alone decide with what. */
export async function generate(
  client: ClientBase,
  { seed, now, ...size }: { seed: number; now: Date } & ConversationsSize,
): Promise<void> {
  await load(
    client,
    `conversations.conversations (id, title, persona, content, status, parameters, quality, batch_item,
                                  created_at)`,
    conversations(seed, now, size),
  )
  await load(
    client,
    'conversations.turns (id, conversation_id, sequence, role, content, tokens)',
    turns(seed, size),
  )
  await advanceSequence(client, 'conversations.turns', 'id')
}

function* conversations(seed: number, now: Date, size: ConversationsSize): Generator<Value[]> {
  for (let number = 0; number < size.conversations; number++) {
    const random = new Random(seed, number)
    const id = random.uuid()
    const persona = random.pick(personas)
    const topic = random.pick(topics)
    const status = random.pick(['draft', 'approved', 'approved', 'rejected'])
    yield [
      id,
      `${topic}, told by a ${persona.toLowerCase()}`,
      persona,
      `A conversation about ${topic} in ${size.turns} turns.`,
      status,
      { topic, temperature: random.integer(0, 12) / 10, language: random.pick(['en', 'de', 'ja', null]) },
      status === 'draft' ? null : (random.next() * 10).toFixed(2),
      random.chance(0.5) ? `batch-${Math.floor(number / 50)}/item-${number % 50}` : null,
      shifted(now, -random.next() * 120 * day),
    ]
  }
}

function* turns(seed: number, size: ConversationsSize): Generator<Value[]> {
  let id = 0
  for (let number = 0; number < size.conversations; number++) {
    const conversation = new Random(seed, number).uuid()
    const random = new Random(seed, number, 1)
    for (let sequence = 1; sequence <= size.turns; sequence++) {
      const asks = sequence % 2 === 1
      const content = random.pick(asks ? questions : answers)
      yield [++id, conversation, sequence, asks ? 'user' : 'assistant', content, content.length >> 2]
    }
  }
}
