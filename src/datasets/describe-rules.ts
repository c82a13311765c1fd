import { wordCount } from '../platform/wording.ts'
import type { Dataset, TableNode } from './definition.ts'
import { partyActions } from './policies.ts'

/** What a dataset's file says besides its tables, in words; what it doesn't say is left out. */
export interface Rule {
  term: string
  text: string
}

/** The rules of a dataset for its page. Backups and retention have a page of their own. */
export function describeRules(dataset: Dataset): Rule[] {
  const { root, timezone, policies, stats } = dataset
  const { formats = ['json', 'csv', 'pdf'], includeChildren = true, expireAfter } = policies.export ?? {}
  const children = includeChildren ? 'with' : 'without'
  const kept = expireAfter === undefined ? '' : `, kept for ${expireAfter}`
  const channels = Object.keys(policies.notify ?? {})
  return [
    {
      term: 'Months and periods',
      text: root.dates === null ? 'none: no dates are declared' : `by ${root.dates.name}, in ${timezone}`,
    },
    ...(root.protect === null
      ? []
      : [{ term: 'Protected', text: `records whose ${root.protect.name} is true are never deleted` }]),
    ...omitted(root),
    { term: 'Exports', text: `${formats.join(', ').toUpperCase()}, ${children} the rows below${kept}` },
    ...describeFiles(dataset),
    ...(stats.length === 0 ? [] : [{ term: 'Figures', text: stats.map(({ name }) => name).join(', ') }]),
    ...(channels.length === 0 ? [] : [{ term: 'Notices', text: `by ${channels.join(', ')}` }]),
  ]
}

function omitted(root: TableNode): Rule[] {
  const columnsOf = ({ name, omitted, children }: TableNode): string[] => [
    ...omitted.map((column) => `${name}.${column.name}`),
    ...children.flatMap(columnsOf),
  ]
  const columns = columnsOf(root)
  return columns.length === 0 ? [] : [{ term: 'Left out', text: columns.join(', ') }]
}

function describeFiles({ files }: Dataset): Rule[] {
  if (files === null) return []
  const { store, node, key, cleanupAfter } = files
  const after = `originals removed ${cleanupAfter ?? '7d'} after a complete delivery`
  return [{ term: 'Files', text: `in store ${store}, by ${node.name}.${key.name}; ${after}` }]
}

/** What the roles of a dataset's parties may do, action by action; null when its records name nobody. */
export function describeParties({ parties }: Dataset) {
  if (parties === null) return null
  const { node, email, role, permissions } = parties
  const roles = [...new Set(partyActions.flatMap((action) => permissions[action]))]
  return {
    named: `${node.name}, by ${email.name} and ${role.name}`,
    count: wordCount(roles.length, 'role'),
    actions: partyActions,
    roles: roles.map((name) => ({
      name,
      may: partyActions.filter((action) => permissions[action].includes(name)),
    })),
  }
}
