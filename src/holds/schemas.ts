import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'

const closed = { additionalProperties: false } as const
const Time = Type.String({ format: 'date-time' })
const KeyPart = Type.Union([Type.String(), Type.Number(), Type.Boolean()])
const Key = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(KeyPart)], {
  description: 'The record’s key: its value, or a list of values where the key has several columns.',
})

export const HoldBody = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    dataset: Type.String(),
    key: Key,
    reason: Type.String(),
    until: Type.Union([Time, Type.Null()], { description: 'Exclusive; null: until it is lifted.' }),
    active: Type.Boolean({ description: 'false: it is over by itself.' }),
    createdBy: Type.Union([Type.String(), Type.Null()]),
    createdAt: Time,
  },
  { ...closed, $id: 'Hold', description: 'Keeps a record from being removed, whatever retention says.' },
)

export const HoldRecordBody = Type.Object(
  {
    dataset: Type.String({ minLength: 1, maxLength: 100 }),
    key: Key,
    reason: Type.String({ minLength: 1, maxLength: 1000, description: 'Why, for whoever asks later.' }),
    until: Type.Optional(Type.Union([Time, Type.Null()])),
  },
  closed,
)

export const HoldParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)

export const HoldQuery = Type.Object(
  {
    dataset: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        description: 'Of one record of `dataset`: its key’s value, or a JSON list of values.',
      }),
    ),
    limit: Limit,
    cursor: Type.Optional(Cursor),
  },
  closed,
)

export const HoldList = ListOf(Type.Ref('Hold'))
