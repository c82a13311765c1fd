import Type from 'typebox'
import { Cursor, Limit, ListOf } from '../platform/cursors.ts'

const closed = { additionalProperties: false } as const
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const DatasetParams = Type.Object({ dataset: Type.String({ minLength: 1, maxLength: 300 }) }, closed)

const ProblemSchema = Type.Object(
  {
    file: Type.String(),
    line: Type.Integer({ description: 'From 1.' }),
    path: Type.String({ description: 'Such as records.children[0].key.' }),
    detail: Type.String(),
  },
  closed,
)

/** How a dataset's snapshots stand. */
export const Freshness = Type.Object(
  {
    snapshots: Type.Integer({ description: 'Completed ones.' }),
    storedBytes: Type.Number(),
    last: Nullable(
      Type.Object(
        {
          id: Type.String(),
          takenAt: Type.String(),
          scope: Type.Unsafe<Record<string, unknown>>(Type.Ref('Scope')),
        },
        { ...closed, description: 'The newest completed one that is not of single records.' },
      ),
    ),
    failed: Nullable(
      Type.Object(
        { id: Type.String(), code: Type.String() },
        { ...closed, description: 'The newest, when it failed.' },
      ),
    ),
  },
  closed,
)

const summary = {
  name: Type.String(),
  title: Type.String(),
  file: Type.String(),
  valid: Type.Boolean({ description: 'False: nothing is done with it until its problems are mended.' }),
  problems: Type.Array(ProblemSchema),
  freshness: Nullable(Freshness),
}

export const DatasetSummary = Type.Object(summary, { ...closed, $id: 'DatasetSummary' })

const Names = Type.Array(Type.String())

const TableSchema = Type.Object(
  {
    name: Type.String({ description: 'schema.table' }),
    path: Type.String({ description: '`records`, or the names in the artifact: `turns.notes`.' }),
    key: Names,
    columns: Type.Array(Type.String(), { description: 'In the artifact.' }),
    internal: Type.Array(Type.String(), {
      description: 'Primary key columns that stay out of the artifact.',
    }),
    omitted: Names,
    references: Type.Array(
      Type.Object(
        { columns: Names, table: Type.String(), key: Names, missing: Type.Enum(['skip', 'null', 'fail']) },
        closed,
      ),
    ),
  },
  closed,
)

export const DatasetBody = Type.Object(
  {
    ...summary,
    description: Type.String(),
    source: Nullable(Type.String()),
    timezone: Nullable(Type.String({ description: 'In which months and plain dates are taken.' })),
    definition: Nullable(
      Type.Unsafe<Record<string, unknown>>({
        type: 'object',
        additionalProperties: true,
        description: 'The file as it was understood, without secrets.',
      }),
    ),
    tables: Type.Array(TableSchema),
    counts: Nullable(
      Type.Record(Type.String(), Type.Integer(), {
        description: "Rows by table, by the database's statistics; null when the source can't be reached.",
      }),
    ),
  },
  { ...closed, $id: 'Dataset' },
)

export const DatasetList = ListOf(Type.Ref('DatasetSummary'))

export const RecordsQuery = Type.Object(
  {
    month: Type.Optional(Type.String({ maxLength: 20, examples: ['2026-10'] })),
    from: Type.Optional(Type.String({ maxLength: 40, examples: ['2026-01-01'] })),
    to: Type.Optional(Type.String({ maxLength: 40 })),
    q: Type.Optional(Type.String({ maxLength: 200, description: 'Part of the label or the key.' })),
    cursor: Type.Optional(Cursor),
    limit: Type.Optional(Limit),
  },
  closed,
)

const Scalar = ['string', 'number', 'boolean']

const RecordSchema = Type.Object(
  {
    key: Type.Unsafe<string | number | boolean | (string | number | boolean)[]>({
      type: [...Scalar, 'array'],
      items: { type: Scalar },
      description: 'As in a scope.',
    }),
    label: Nullable(Type.String()),
    date: Nullable(
      Type.String({ description: 'By `dates`, as PostgreSQL prints it; `infinity` is possible.' }),
    ),
    protected: Type.Boolean(),
    children: Type.Record(Type.String(), Type.Integer(), { description: 'Rows by child table.' }),
  },
  closed,
)

export const RecordList = Type.Object(
  {
    items: Type.Array(RecordSchema),
    nextCursor: Nullable(Type.String()),
    estimatedTotal: Type.Integer({ description: 'Records that match, by the estimate of the database.' }),
  },
  closed,
)

export const ProposalBody = Type.Object(
  {
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Default: app.' })),
    table: Type.String({ minLength: 1, maxLength: 200, examples: ['chat.sessions'] }),
  },
  closed,
)

export const ProposalAnswer = Type.Object(
  {
    dataset: Type.String({ description: "The dataset's name in the draft." }),
    fileName: Type.String({ description: 'To save it under in the datasets folder.' }),
    yaml: Type.String({ description: 'A dataset file that loads as it is; comments say what was guessed.' }),
  },
  closed,
)
