import Type from 'typebox'
import { ColumnName, Duration, folderPattern, strict, TablePath } from './policy-fields.ts'

export const Files = Type.Object(
  {
    store: Type.String({
      pattern: '^[a-z0-9_]+$',
      description: "The store that holds the application's files: HOLDFAST_STORE_<NAME>_URL, in lower case.",
    }),
    table: Type.Optional(TablePath('The table whose rows have a file each. Default: the records.')),
    key: ColumnName("Column with the object's key in the store."),
    name: Type.Optional(
      ColumnName("Column with the file's name for people. Default: the last part of the key."),
    ),
    size: Type.Optional(ColumnName("Column with the file's size in bytes; compared after a delivery.")),
    sha256: Type.Optional(ColumnName("Column with the file's SHA-256 in hex; compared after a delivery.")),
    folder: Type.Optional(
      Type.String({
        pattern: folderPattern,
        maxLength: 500,
        description:
          'Folder at the destination; `{column}` is a value of the row, `{record.column}` of its record. A reference gives its stable key.',
        examples: ['{category_id}'],
      }),
    ),
    cleanupAfter: Type.Optional(
      Type.Unsafe<string>({
        ...Duration,
        description: 'When the originals are removed after a complete delivery. Default 7d.',
      }),
    ),
    cleanupScheduledAt: Type.Optional(
      ColumnName(
        'Column of the records in which Holdfast notes when their delivered files are removed; left out by `omit`.',
      ),
    ),
  },
  { ...strict, description: "The application's files that belong to the records." },
)

const scalar = ['string', 'number', 'boolean']
type Scalar = string | number | boolean

const Condition = Type.Unsafe<Scalar | { set?: boolean; equals?: Scalar; in?: Scalar[] }>({
  type: [...scalar, 'object'],
  properties: {
    set: { type: 'boolean', description: 'true: has a value; false: is NULL.' },
    equals: { type: scalar },
    in: { type: 'array', items: { type: scalar }, minItems: 1, maxItems: 1000 },
  },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  description: 'A value to equal, or one of `set`, `equals`, `in`.',
})

export const Stats = Type.Record(
  Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,62}$' }),
  Type.Object(
    {
      count: Type.Optional(TablePath('Counts rows of this table:')),
      sum: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 500,
          description: 'Adds up a number column: its table as for `count`, a dot, the column.',
        }),
      ),
      where: Type.Optional(
        Type.Record(Type.String(), Condition, { description: 'By column; all must hold.' }),
      ),
      by: Type.Optional(ColumnName('One result for each value of this column of the same table.')),
    },
    { ...strict, description: 'Exactly one of `count` and `sum`.' },
  ),
  { description: 'Named figures that every snapshot carries.' },
)

const Roles = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { uniqueItems: true, maxItems: 100 })

export const Parties = Type.Object(
  {
    table: TablePath('The table whose rows connect people to a record:'),
    email: ColumnName('Column with the email address that the person signs in with.'),
    role: ColumnName("Column with the person's role in the record."),
    permissions: Type.Object(
      {
        list: Type.Optional(Roles),
        view: Type.Optional(Roles),
        download: Type.Optional(Roles),
        create: Type.Optional(Roles),
        delete: Type.Optional(Roles),
      },
      {
        ...strict,
        description:
          "What each role may do with the record's snapshots and exports. `download` is as `view` unless given; what isn't given nobody may.",
      },
    ),
  },
  { ...strict, description: 'People whom the data itself connects to a record, and what their roles may.' },
)

export const noticeEvents = [
  'backup_completed',
  'backup_failed',
  'backup_missing',
  'cleanup_planned',
  'cleanup_done',
  'verification_failed',
  'export_ready',
  'batch_finished',
] as const

const Events = Type.Optional(
  Type.Array(Type.Enum([...noticeEvents]), {
    minItems: 1,
    uniqueItems: true,
    description: 'Default: all of them.',
  }),
)

const email = { type: 'string', pattern: '^[^\\s@]+@[^\\s@]+$', maxLength: 320 }

export const Notify = Type.Object(
  {
    telegram: Type.Optional(
      Type.Object(
        {
          chatId: Type.Optional(
            Type.Unsafe<string | number>({
              type: ['string', 'integer'],
              description: 'Default: TELEGRAM_CHAT_ID.',
            }),
          ),
          botToken: Type.Optional(Type.String({ minLength: 1, description: 'Default: TELEGRAM_BOT_TOKEN.' })),
          events: Events,
        },
        strict,
      ),
    ),
    email: Type.Optional(
      Type.Object(
        {
          to: Type.Optional(
            Type.Unsafe<string | string[]>({
              ...email,
              type: ['string', 'array'],
              items: email,
              minItems: 1,
              maxItems: 50,
              description: 'Default: NOTIFY_EMAIL.',
            }),
          ),
          events: Events,
        },
        strict,
      ),
    ),
    webhook: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(Type.String({ pattern: '^https?://', maxLength: 2000 })),
          secret: Type.Optional(
            Type.String({ minLength: 16, description: 'Signs each request (HMAC-SHA256).' }),
          ),
          events: Events,
        },
        strict,
      ),
    ),
  },
  { ...strict, description: 'Who hears of what happens to this dataset.' },
)
