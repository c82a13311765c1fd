import Type, { type Static, type TSchema } from 'typebox'
import { durationPattern } from '../platform/durations.ts'

const strict = { additionalProperties: false } as const

const Duration = Type.String({
  pattern: durationPattern,
  description: 'A whole number and a unit: s, m, h, d or w. Days have 24 hours.',
  examples: ['1h', '7d'],
})

export const cronPattern = '^[0-9A-Za-z*,/?#-]+( [0-9A-Za-z*,/?#-]+){4}$'

const Cron = Type.String({
  pattern: cronPattern,
  description: "Cron with five fields (minute, hour, day, month, weekday), in the dataset's time zone.",
  examples: ['0 2 1 * *'],
})

export const folderPattern = '^(?!/)(?!.*(^|/)\\.{1,2}(/|$))[^\\\\\\u0000-\\u001f]+$'

/** A column of a table of the dataset, by its name in the database. */
const ColumnName = (description: string) => Type.String({ minLength: 1, maxLength: 63, description })

/** A table of the dataset by the names its rows have in the artifact: `records`, `documents`, `documents.pages`. */
export const TablePath = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 500,
    description: `${description} \`records\`, or names as in the artifact, such as \`turns\` or \`turns.notes\`.`,
  })

/** A yes, a no, or yes with particulars: one schema instead of a union, so that errors point at the particular. */
function toggle<Fields extends Record<string, TSchema>>(fields: Fields, description: string) {
  const object = Type.Object(fields, strict)
  return Type.Unsafe<boolean | Static<typeof object>>({ ...object, type: ['boolean', 'object'], description })
}

const GateRule = toggle(
  { maxAge: Type.Optional(Duration) },
  'false: no snapshot is asked for. Otherwise the snapshot that covers the scope may be at most `maxAge` old (1h).',
)

export const Gate = Type.Object(
  {
    export: Type.Optional(GateRule),
    delivery: Type.Optional(GateRule),
    delete: Type.Optional(GateRule),
    cleanup: Type.Optional(GateRule),
    sync: Type.Optional(GateRule),
  },
  {
    ...strict,
    description: 'Which operations need a fresh snapshot that covers their scope. Default: all, 1h.',
  },
)

export const Backup = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ default: true })),
    schedule: Type.Optional(Cron),
    scope: Type.Optional(
      Type.Enum(['all', 'previousMonth'], {
        description:
          "`previousMonth` (default where `dates` is declared): the month before the run's. Otherwise `all`.",
      }),
    ),
    keep: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'How many of these backups are kept. Default 24.',
      }),
    ),
    directory: Type.Optional(
      Type.String({
        pattern: folderPattern,
        maxLength: 200,
        description: "Folder in the store for this dataset's snapshots.",
      }),
    ),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { ...strict, description: 'Snapshots taken by schedule. Default schedule: 0 2 1 * * (the 1st at 02:00).' },
)

const Keep = Type.Integer({ minimum: 1, maximum: 10_000 })

export const Retention = Type.Object(
  {
    records: Type.Optional(
      Type.Object(
        {
          enabled: Type.Optional(Type.Boolean({ default: true })),
          age: Type.Unsafe<string>({
            ...Duration,
            description: 'Records whose `dates` are longer ago than this are removed.',
          }),
          grace: Type.Optional(
            Type.Unsafe<string>({
              ...Duration,
              description: 'From the plan and its notice to the removal. Default 7d.',
            }),
          ),
          schedule: Type.Optional(Cron),
          limit: Type.Optional(
            Type.Integer({
              minimum: 1,
              description: 'More records than this in one run wait until someone confirms.',
            }),
          ),
          limitPercent: Type.Optional(
            Type.Number({
              exclusiveMinimum: 0,
              maximum: 100,
              description: 'The same, as a share of the dataset.',
            }),
          ),
          notice: Type.Optional(
            Type.Boolean({
              default: true,
              description: 'true: nothing is removed unless the notice was delivered.',
            }),
          ),
        },
        { ...strict, description: 'Removes records by age, after a notice and a grace period.' },
      ),
    ),
    snapshots: Type.Optional(
      Type.Object(
        {
          expireAfter: Type.Optional(Duration),
          keep: Type.Optional(
            Type.Object(
              {
                last: Type.Optional(Keep),
                daily: Type.Optional(Keep),
                weekly: Type.Optional(Keep),
                monthly: Type.Optional(Keep),
                yearly: Type.Optional(Keep),
                within: Type.Optional(Duration),
              },
              { ...strict, minProperties: 1, description: 'What is kept beyond `expireAfter`.' },
            ),
          ),
        },
        { ...strict, description: 'When snapshots expire. Default: after BACKUP_RETENTION_DAYS.' },
      ),
    ),
  },
  strict,
)

export const Export = Type.Object(
  {
    formats: Type.Optional(Type.Array(Type.Enum(['json', 'csv', 'pdf']), { minItems: 1, uniqueItems: true })),
    includeChildren: Type.Optional(Type.Boolean({ default: true })),
    expireAfter: Type.Optional(Duration),
  },
  { ...strict, description: 'What exports of this dataset may be and how long they are kept.' },
)

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

export const partyActions = ['list', 'view', 'download', 'create', 'delete'] as const

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

/** Where a secret may stand, and nowhere else; never part of artifacts, answers or logs. */
export const secretPaths: readonly string[] = ['notify.telegram.botToken', 'notify.webhook.secret']

/** The policies of a dataset, as declared; each is read by the feature that owns it, which fills in the defaults. */
export interface Policies {
  gate?: Static<typeof Gate>
  backup?: Static<typeof Backup>
  retention?: Static<typeof Retention>
  export?: Static<typeof Export>
  files?: Static<typeof Files>
  stats?: Static<typeof Stats>
  parties?: Static<typeof Parties>
  notify?: Static<typeof Notify>
}
export type GatePolicy = NonNullable<Policies['gate']>
export type StatDeclaration = Static<typeof Stats>[string]
