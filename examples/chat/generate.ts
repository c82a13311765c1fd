import type { ClientBase } from 'pg'
import { advanceSequence, load, type Value } from '../load.ts'
import { person } from '../people.ts'
import { day, hour, Random, shifted } from '../random.ts'
import { agentNames, botGreeting, phrases, type Phrases } from './phrases.ts'

export interface ChatSize {
  /** Spread over the 14 months before `now`, ids in the order of time. */
  sessions: number
  /** Per session on average, 4 at least; exact in the sum when the number of sessions is even. */
  messages: number
}

interface Session {
  random: Random
  createdAt: Date
  phrases: Phrases
  messages: number
}

interface Options extends ChatSize {
  seed: number
  now: Date
}

/** Fills the tables; `seed` and `now` alone decide with what. Any size in little memory. */
export async function generate(client: ClientBase, options: Options): Promise<void> {
  await load(
    client,
    `chat.sessions (id, subject, visitor_name, visitor_email, channel, language, rating, metadata, created_at,
                    ended_at)`,
    sessions(options),
  )
  await load(client, 'chat.messages (id, session_id, sender, content, sent_at)', messages(options))
  await advanceSequence(client, 'chat.sessions', 'id')
  await advanceSequence(client, 'chat.messages', 'id')
}

/** The same session every time it is asked for: its row and its messages are made in two passes. */
function makeSession(index: number, options: Options): Session {
  const random = new Random(options.seed, index)
  // Two neighbours share what one has more and the other less.
  const spread = new Random(options.seed, index >> 1, 1).integer(0, options.messages - 2)
  return {
    random,
    createdAt: startOf(index, random, options),
    phrases: random.pick(phrases.slice(0, random.chance(0.6) ? 2 : phrases.length)),
    messages:
      options.messages +
      (index === options.sessions - 1 && index % 2 === 0 ? 0 : index % 2 ? spread : -spread),
  }
}

const malaysia = 8 * hour
const opens = 7 * hour
const openFor = 18 * hour

/** The shop answers from 7 in the morning until 1 at night, Malaysian time: some days and months begin in the middle. */
function startOf(index: number, random: Random, { sessions, now }: Options): Date {
  const today = Math.floor((now.getTime() + malaysia) / day)
  const days = 425
  const moment = ((index + random.next()) / sessions) * days
  const start = (today - days + Math.floor(moment)) * day - malaysia + opens + (moment % 1) * openFor
  return new Date(Math.min(Math.floor(start), now.getTime() - hour))
}

function* sessions(options: Options): Generator<Value[]> {
  for (let index = 0; index < options.sessions; index++) {
    const { random, createdAt, phrases, messages } = makeSession(index, options)
    const visitor = random.chance(0.85) ? person(random, 'mail.example', index + 1) : null
    yield [
      index + 1,
      random.pick(phrases.subjects),
      visitor?.name ?? null,
      visitor && random.chance(0.8) ? visitor.email : null,
      random.pick(['web', 'web', 'whatsapp', 'telegram']),
      phrases.language,
      random.chance(0.4) ? random.integer(1, 5) : null,
      { agent: random.pick(agentNames), page: random.pick(['/', '/cart', '/orders/10482?tab=status']) },
      createdAt,
      random.chance(0.97) ? shifted(createdAt, (messages + 1) * secondsApart * 1000) : null,
    ]
  }
}

const secondsApart = 47

function* messages(options: Options): Generator<Value[]> {
  let id = 0
  for (let index = 0; index < options.sessions; index++) {
    const session = makeSession(index, options)
    const random = new Random(options.seed, index, 2)
    for (let number = 0; number < session.messages; number++) {
      const sender = number === 0 ? 'bot' : number % 2 ? 'visitor' : 'agent'
      const content = sender === 'bot' ? botGreeting : random.pick(session.phrases[sender])
      yield [
        ++id,
        index + 1,
        sender,
        content,
        shifted(session.createdAt, number * secondsApart * 1000 + random.integer(0, 40_000)),
      ]
    }
  }
}
