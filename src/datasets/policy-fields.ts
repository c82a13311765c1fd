import Type from 'typebox'
import { durationPattern } from '../platform/durations.ts'

export const strict = { additionalProperties: false } as const

export const Duration = Type.String({
  pattern: durationPattern,
  description: 'A whole number and a unit: s, m, h, d or w. Days have 24 hours.',
  examples: ['1h', '7d'],
})

export const cronPattern = '^[0-9A-Za-z*,/?#-]+( [0-9A-Za-z*,/?#-]+){4}$'

export const Cron = Type.String({
  pattern: cronPattern,
  description: "Cron with five fields (minute, hour, day, month, weekday), in the dataset's time zone.",
  examples: ['0 2 1 * *'],
})

export const folderPattern = '^(?!/)(?!.*(^|/)\\.{1,2}(/|$))[^\\\\\\u0000-\\u001f]+$'

/** A column of a table of the dataset, by its name in the database. */
export const ColumnName = (description: string) => Type.String({ minLength: 1, maxLength: 63, description })

/** A table of the dataset by the names its rows have in the artifact: `records`, `documents`, `documents.pages`. */
export const TablePath = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 500,
    description: `${description} \`records\`, or names as in the artifact, such as \`turns\` or \`turns.notes\`.`,
  })
