import Type, { type Static, type TSchema } from 'typebox'
import { ColumnName, Cron, Duration, folderPattern, strict } from './policy-fields.ts'

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
    snapshotAt: Type.Optional(
      ColumnName(
        'Column of the records in which Holdfast notes when a snapshot of them by key was taken; left out by `omit`.',
      ),
    ),
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
