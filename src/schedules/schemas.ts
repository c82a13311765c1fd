import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'
import { runStatuses, runTriggers } from './schedule-run.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })
const Status = Type.Enum([...runStatuses])

export const ScheduleParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }, closed)

export const ScheduleRunBody = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    schedule: Type.String(),
    trigger: Type.Enum([...runTriggers]),
    status: Type.Enum([...runStatuses], {
      description:
        '`skipped`: it came due while another run was at work. `missed`: nothing was running to begin it in time.',
    }),
    dueAt: Time,
    startedAt: Nullable(Time),
    finishedAt: Nullable(Time),
    durationMs: Nullable(Type.Integer()),
    attempts: Type.Integer({ description: 'How often it was begun; more than once when its process died.' }),
    counts: Type.Record(Type.String(), Type.Number(), { description: 'What it did, in figures.' }),
    note: Nullable(Type.String({ description: 'What it did, or why it was not run.' })),
    caused: Type.Array(Type.Object({ type: Type.String(), id: Type.String() }, closed), {
      description: 'What came of it, such as a snapshot.',
    }),
    error: Nullable(Type.Object({ code: Type.String(), detail: Type.String() }, closed)),
    createdBy: Nullable(Type.String({ description: 'Who asked for it; null when it was due.' })),
  },
  { ...closed, $id: 'ScheduleRun' },
)

export const ScheduleBody = Type.Object(
  {
    name: Type.String(),
    title: Type.String(),
    description: Type.String(),
    dataset: Nullable(Type.String()),
    cron: Type.String({ description: 'Minute, hour, day, month, weekday, on the clocks of `timezone`.' }),
    timezone: Type.String(),
    enabled: Type.Boolean({ description: 'false: the dataset file switches it off.' }),
    paused: Type.Boolean(),
    pausedReason: Nullable(Type.String()),
    nextRuns: Type.Array(Time, { description: 'The next five; empty while it is paused or switched off.' }),
    lastRun: Nullable(Type.Ref('ScheduleRun')),
  },
  { ...closed, $id: 'Schedule' },
)

export const ScheduleList = ListOf(Type.Ref('Schedule'))
export const ScheduleRunList = ListOf(Type.Ref('ScheduleRun'))

export const RunParams = Type.Object({ id: Type.String({ format: 'uuid' }) }, closed)

export const Reason = Type.Optional(
  Type.String({ minLength: 1, maxLength: 500, description: 'Why it is paused, for whoever asks later.' }),
)

export const UpdateScheduleBody = Type.Object({ paused: Type.Boolean(), reason: Reason }, closed)

export const RunsQuerySchema = Type.Object(
  { status: Type.Optional(Status), limit: Type.Optional(Limit), cursor: Type.Optional(Cursor) },
  closed,
)
