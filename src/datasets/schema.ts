import Type, { type TSchema } from 'typebox'
import { durationPattern } from '../platform/durations.ts'
import { Files, Notify, Parties, Stats } from './content-policies.ts'
import { cronPattern, folderPattern } from './policy-fields.ts'
import { Backup, Export, Gate, Retention } from './safety-policies.ts'

const strict = { additionalProperties: false } as const

export const namePattern = '^[a-z][a-z0-9-]{0,62}$'
export const fieldPattern = '^[A-Za-z][A-Za-z0-9_-]{0,62}$'

const Name = { type: 'string', minLength: 1, maxLength: 63 } as const

const TableReference = (description: string) =>
  Type.String({ minLength: 1, maxLength: 200, description, examples: ['chat.sessions'] })

const ColumnName = (description: string) => Type.String({ ...Name, description })

/** One schema for a name or several instead of a union, so that errors say what was expected. */
const ColumnNames = (description: string) =>
  Type.Unsafe<string | string[]>({
    type: ['string', 'array'],
    minLength: 1,
    maxLength: 63,
    items: Name,
    minItems: 1,
    maxItems: 32,
    uniqueItems: true,
    description,
  })

const Reference = Type.Object(
  {
    table: TableReference('The table pointed at.'),
    key: ColumnNames('Its stable key, stored instead of the internal id; must be unique there.'),
    missing: Type.Optional(
      Type.Enum(['skip', 'null', 'fail'], {
        description:
          'When the row pointed at is gone at a restore: skip the row with a warning, set NULL, or refuse. Default fail.',
      }),
    ),
    include: Type.Optional(
      Type.Array(Type.String(Name), {
        uniqueItems: true,
        maxItems: 100,
        description: 'Further columns, for readers only.',
      }),
    ),
  },
  { ...strict, description: 'Rows that belong to others, stored by a stable key instead of an internal id.' },
)

const shared = {
  table: TableReference('schema.table, as the catalog has it.'),
  key: Type.Optional(
    ColumnNames('Stable identifier; must be unique and NOT NULL. Default: the primary key.'),
  ),
  omit: Type.Optional(
    Type.Array(Type.String(Name), {
      uniqueItems: true,
      maxItems: 1600,
      description: 'Columns left out. Generated columns always are.',
    }),
  ),
  references: Type.Optional(
    Type.Record(Type.String(), Reference, { description: 'By the pointing column.' }),
  ),
  children: Type.Optional(
    Type.Array(Type.Ref('Child'), {
      maxItems: 200,
      description: 'Tables whose rows belong to a row of this one.',
    }),
  ),
}

const Child = Type.Object(
  {
    table: shared.table,
    as: Type.Optional(
      Type.String({ pattern: fieldPattern, description: "Name in the artifact. Default: the table's name." }),
    ),
    parent: Type.Optional(ColumnNames('Column(s) that point at the parent. Default: the one foreign key.')),
    key: shared.key,
    order: Type.Optional(ColumnName('Column that the rows are listed by, before their key.')),
    omit: shared.omit,
    references: shared.references,
    children: shared.children,
  },
  strict,
)

const Records = Type.Object(
  {
    table: shared.table,
    key: shared.key,
    label: Type.Optional(ColumnName('What people read in lists. Default: the key.')),
    dates: Type.Optional(ColumnName('The date or timestamp that months, periods and retention go by.')),
    protect: Type.Optional(
      ColumnName('Boolean column: such rows are never deleted by a restore or a cleanup.'),
    ),
    omit: shared.omit,
    references: shared.references,
    children: shared.children,
  },
  strict,
)

const File = Type.Object(
  {
    dataset: Type.String({ pattern: namePattern, description: "The dataset's name." }),
    title: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'For people. Default: the name.' }),
    ),
    description: Type.Optional(Type.String({ maxLength: 2000 })),
    source: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9_]+$',
        default: 'app',
        description: 'HOLDFAST_SOURCE_<NAME>_URL, in lower case. Default: app.',
      }),
    ),
    timezone: Type.Optional(
      Type.String({ description: 'For months and plain dates, as in Asia/Kuala_Lumpur. Default: TIMEZONE.' }),
    ),
    records: Type.Ref('Records'),
    gate: Type.Optional(Gate),
    backup: Type.Optional(Backup),
    retention: Type.Optional(Retention),
    export: Type.Optional(Export),
    files: Type.Optional(Files),
    stats: Type.Optional(Stats),
    parties: Type.Optional(Parties),
    notify: Type.Optional(Notify),
  },
  { ...strict, title: 'Holdfast dataset', description: 'What one record is, and how its data is kept.' },
)

const DatasetFile = Type.Cyclic({ File, Records, Child }, 'File')

/** The JSON Schema of dataset files, which refers to nothing outside of it. */
export const fileSchema: TSchema = selfContained()

/**
 * The same for editors (draft 2020-12), published at /schemas/dataset.json. In a file:
 * `# yaml-language-server: $schema=http://…/schemas/dataset.json`.
 */
export const publishedSchema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...fileSchema }

function selfContained(): TSchema {
  const { $defs } = JSON.parse(JSON.stringify(DatasetFile), (key, value: unknown) =>
    key === '$ref' ? `#/$defs/${String(value)}` : value,
  ) as { $defs: Record<string, Record<string, unknown>> }
  for (const definition of Object.values($defs)) delete definition['$id']
  const { File: file, ...definitions } = $defs
  return { ...file, $defs: definitions }
}

/** What each pattern of the schema stands for, in the words of an error. */
export const patternWords: Record<string, string> = {
  [namePattern]: 'a name of lower-case letters, digits and hyphens that starts with a letter',
  [fieldPattern]: 'a name of letters, digits, _ and - that starts with a letter',
  [durationPattern]: 'a duration such as 90s, 15m, 1h, 7d or 4w',
  [cronPattern]: 'cron with five fields such as "0 2 1 * *"',
  [folderPattern]: 'a relative path without . and .. parts',
  '^[a-z0-9_]+$': 'a name of lower-case letters, digits and _',
  '^[^\\s@]+@[^\\s@]+$': 'an email address',
  '^https?://': 'a URL that starts with https:// or http://',
}

/** Every key that the schema knows, for "did you mean". */
export function knownKeys(): Set<string> {
  const keys = new Set<string>()
  JSON.stringify(DatasetFile, (key, value: unknown) => {
    if (key === 'properties') for (const name of Object.keys(value as object)) keys.add(name)
    return value
  })
  return keys
}
