import Type from 'typebox'
import { noticeEvents } from '../datasets/content-policies.ts'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { channelKinds, statuses } from './notice.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Channel = Type.Enum([...channelKinds])
const Event = Type.Enum([...noticeEvents])
const Status = Type.Enum([...statuses])
const DatasetName = Type.String({ minLength: 1, maxLength: 100 })
const Reached = Type.String({ description: 'Whom it reaches; of a webhook, its host.' })

const Failure = Nullable(
  Type.Object(
    { code: Type.String(), detail: Type.String() },
    { ...closed, description: 'Why the latest attempt came to nothing.' },
  ),
)

const Answer = Nullable(Type.String({ description: 'What the other side said.' }))

export const NoticeParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)

export const NoticeBody = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    event: Event,
    dataset: Nullable(Type.String()),
    about: Type.Object({ type: Type.String(), id: Type.String() }, closed),
    channel: Channel,
    to: Nullable(Reached),
    status: Status,
    title: Type.String(),
    text: Type.String(),
    attempts: Type.Integer(),
    nextAttemptAt: Nullable(Time),
    attemptedAt: Nullable(Time),
    deliveredAt: Nullable(Time),
    maybeRepeated: Type.Boolean({
      description: 'An attempt broke off after it may have arrived, so it may have come twice.',
    }),
    answer: Answer,
    error: Failure,
    createdAt: Time,
  },
  { ...closed, $id: 'Notice' },
)

export const NoticeList = ListOf(Type.Ref('Notice'))

export const ListNoticesQuery = Type.Object(
  {
    dataset: Type.Optional(DatasetName),
    event: Type.Optional(Event),
    channel: Type.Optional(Channel),
    status: Type.Optional(Status),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const TestBody = Type.Object(
  {
    channel: Channel,
    dataset: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description: 'Whose channel it is. Default: the one of the environment.',
      }),
    ),
  },
  closed,
)

export const TestAnswer = Type.Object(
  {
    channel: Channel,
    dataset: Nullable(Type.String()),
    to: Reached,
    delivered: Type.Boolean(),
    answer: Answer,
    error: Failure,
    testedAt: Time,
  },
  { ...closed, $id: 'ChannelTest' },
)
