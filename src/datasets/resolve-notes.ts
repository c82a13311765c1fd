import type { Column } from '../source/catalog.ts'
import type { Dataset, RootNode } from './definition.ts'
import type { Policies } from './policies.ts'
import type { Path } from './problem-list.ts'
import type { Resolution } from './resolution.ts'

/** Resolves the columns that Holdfast writes notes into: instants, and no part of what it copies and compares. */
export function resolveNotes(
  { backup, files }: Pick<Policies, 'backup' | 'files'>,
  root: RootNode,
  resolution: Resolution,
): Dataset['notes'] {
  return {
    snapshotAt: resolveNote(backup?.snapshotAt, root, ['backup', 'snapshotAt'], resolution),
    cleanupScheduledAt: resolveNote(
      files?.cleanupScheduledAt,
      root,
      ['files', 'cleanupScheduledAt'],
      resolution,
    ),
  }
}

function resolveNote(
  name: string | undefined,
  { table, omitted }: RootNode,
  path: Path,
  resolution: Resolution,
): Column | null {
  const column = name === undefined ? null : resolution.column(table, name, path)
  if (column === null) return null
  if (!['timestamptz', 'timestamp'].includes(column.baseType))
    resolution.note(path, `"${column.name}" is of type ${column.type}; an instant is a timestamptz`)
  if (!omitted.includes(column))
    resolution.note(
      path,
      `"${column.name}" must be left out by \`omit\`: each note would be a pending change`,
    )
  return column
}
