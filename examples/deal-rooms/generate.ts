import type { ClientBase } from 'pg'
import { load, type Value } from '../load.ts'
import { people, type Person } from '../people.ts'
import { day, Random, shifted } from '../random.ts'
import {
  cargoes,
  clauses,
  companies,
  documentKinds,
  partyRoles,
  places,
  remarks,
  vessels,
} from './shipping.ts'

export interface DealRoomsSize {
  rooms: number
  /** Of each room, at most. */
  messages: number
}

interface Room {
  id: string
  /** Numbers for one table. */
  random(stream: number): Random
  createdAt: Date
  parties: Person[]
}

interface Options extends DealRoomsSize {
  seed: number
  now: Date
}

/** Fills the tables; `seed` and `now` alone decide with what. */
export async function generate(client: ClientBase, options: Options): Promise<void> {
  const each = (rows: (room: Room, options: Options) => Iterable<Value[]>) => ofEachRoom(options, rows)
  await load(
    client,
    `deal_rooms.rooms (id, title, location, cargo, quantity_tonnes, laycan, is_closed, created_by, created_at)`,
    each((room) => [roomRow(room)]),
  )
  await load(client, 'deal_rooms.parties (room_id, email, name, company, role)', each(partyRows))
  await load(
    client,
    'deal_rooms.terms (room_id, clause, wording, price_per_tonne, currency, laytime, is_agreed)',
    each(termRows),
  )
  await load(client, 'deal_rooms.messages (id, room_id, sender, reply_to, body, sent_at)', each(messageRows))
  await load(
    client,
    'deal_rooms.documents (id, room_id, kind, file_name, storage_key, size_bytes, status, expires_on)',
    each((room, { now }) => documentsOf(room, now).map(({ row }) => row)),
  )
  await load(
    client,
    'deal_rooms.reviews (document_id, reviewer, approved, remark, reviewed_at)',
    each((room, { now }) => documentsOf(room, now).flatMap(({ reviews }) => reviews)),
  )
}

/** Every pass over the rooms sees the same ones; what it says about them comes from a stream of its table's own. */
function* ofEachRoom(
  options: Options,
  rows: (room: Room, options: Options) => Iterable<Value[]>,
): Generator<Value[]> {
  for (let index = 0; index < options.rooms; index++) {
    const identity = new Random(options.seed, index)
    yield* rows(
      {
        id: `room_${identity.text(10)}`,
        createdAt: shifted(options.now, -identity.next() * 365 * day),
        parties: people(identity, partyRoles.length, 'deal.example'),
        random: (stream) => new Random(options.seed, index, stream),
      },
      options,
    )
  }
}

function roomRow({ id, createdAt, parties, ...room }: Room): Value[] {
  const random = room.random(1)
  const arrival = random.integer(5, 40)
  const from = shifted(createdAt, arrival * day)
  const [mother, daughter] = random.several(vessels, 2)
  return [
    id,
    `${mother} / ${daughter}`,
    random.pick(places),
    random.pick(cargoes),
    (random.next() * 120_000).toFixed(3),
    `[${isoDay(from)},${isoDay(shifted(from, random.integer(2, 6) * day))})`,
    random.chance(0.5),
    parties[0]!.email,
    createdAt,
  ]
}

function* partyRows({ id, parties, ...room }: Room): Generator<Value[]> {
  const random = room.random(2)
  for (const [index, { email, name }] of parties.entries())
    yield [id, email, name, random.pick(companies), partyRoles[index]!]
}

function* termRows({ id, ...room }: Room): Generator<Value[]> {
  const random = room.random(3)
  for (const [clause, wording] of clauses) {
    const price = clause === 'Price' || clause === 'Demurrage' ? (random.next() * 900).toFixed(4) : null
    yield [
      id,
      clause,
      wording,
      price,
      price && random.pick(['USD', 'EUR', 'SGD']),
      clause === 'Laytime' ? `${random.integer(24, 72)} hours 30 minutes` : null,
      random.chance(0.7),
    ]
  }
}

function* messageRows(
  { id, createdAt, parties, ...room }: Room,
  { messages, now }: Options,
): Generator<Value[]> {
  const random = room.random(4)
  const sent: string[] = []
  for (let number = random.integer(Math.ceil(messages / 3), messages); number > 0; number--) {
    const message = random.uuid()
    yield [
      message,
      id,
      random.pick(parties).email,
      sent.length > 0 && random.chance(0.4) ? random.pick(sent) : null,
      random.pick(remarks),
      random.date(createdAt, now),
    ]
    sent.push(message)
  }
}

function documentsOf(
  { id, createdAt, parties, ...room }: Room,
  now: Date,
): { row: Value[]; reviews: Value[][] }[] {
  const random = room.random(5)
  return documentKinds.map((kind) => {
    const document = random.uuid()
    const status = random.pick(['missing', 'under review', 'approved', 'approved', 'expired'])
    const there = status !== 'missing'
    const reviewers = status === 'approved' ? random.several(parties, random.integer(1, 2)) : []
    return {
      row: [
        document,
        id,
        kind,
        there ? `${kind} (signed).pdf` : null,
        there ? `rooms/${id}/${document}.pdf` : null,
        there ? random.integer(20_000, 3_000_000) : null,
        status,
        there && random.chance(0.5) ? isoDay(shifted(createdAt, random.integer(30, 900) * day)) : null,
      ],
      reviews: reviewers.map(({ email }) => [
        document,
        email,
        true,
        random.chance(0.5) ? random.pick(remarks) : null,
        random.date(createdAt, now),
      ]),
    }
  })
}

function isoDay(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
