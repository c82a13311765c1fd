import { quoteIdentifier, quoteLiteral, quoteTable } from '../source/identifiers.ts'
import type { KeyValue } from '../source/keys.ts'
import { textExpression, toText } from '../source/values.ts'
import type { Parties, RootNode, TableNode } from './definition.ts'

/** A query and its parameters. */
export interface Query {
  text: string
  values: unknown[]
}

/**
 * Asks which roles a person has in each of some records.
 * @param email in lower case
 * @returns a query with one row for each key, in their order: `roles`, empty for those that don't name the person
 */
export function rolesQuery(root: RootNode, parties: Parties, email: string, keys: KeyValue[][]): Query {
  const wanted = root.key.map((_, i) => `k${i}`)
  const isWanted = root.key.map(
    ({ name, type }, i) => `${quoteIdentifier('t0')}.${quoteIdentifier(name)} = wanted.k${i}::${type}`,
  )
  const lists = root.key.map((_, i) => `$${i + 2}::text[]`)
  return {
    text: `SELECT pg_catalog.array_remove(pg_catalog.array_agg(DISTINCT named.role), NULL) AS roles
      FROM ROWS FROM (${lists.map((list) => `unnest(${list})`).join(', ')}) WITH ORDINALITY AS wanted(${wanted.join(', ')}, n)
      LEFT JOIN LATERAL (
        SELECT ${roleOf(parties)} AS role FROM ${joined(root, parties.node)}
        WHERE ${[...isWanted, `${emailOf(parties)} = $1`].join(' AND ')}
      ) AS named ON true
      GROUP BY wanted.n ORDER BY wanted.n`,
    values: [email, ...root.key.map((_, i) => keys.map((key) => toText(key[i]!)))],
  }
}

/**
 * The condition that a record names a person in one of some roles.
 * @returns SQL over the alias `t0` of the records' table, without parameters
 */
export function namesCondition(root: RootNode, parties: Parties, email: string, roles: string[]): string {
  if (roles.length === 0) return 'false'
  const isParty = `${emailOf(parties)} = ${quoteLiteral(email)} AND ${roleOf(parties)} IN (${roles.map(quoteLiteral).join(', ')})`
  const chain = chainTo(parties.node)
  if (chain.length === 1) return isParty
  const [first, ...others] = chain.slice(1)
  const from = `${quoteTable(first!.table)} AS ${aliasOf(1)}${others.map((node, i) => joinTo(node, i + 2)).join('')}`
  return `EXISTS (SELECT FROM ${from} WHERE ${pointsAtParent(first!, 1)} AND ${isParty})`
}

function emailOf({ node, email }: Parties): string {
  return `pg_catalog.lower(${textExpression(aliasOf(depthOf(node)), email)})`
}

function roleOf({ node, role }: Parties): string {
  return textExpression(aliasOf(depthOf(node)), role)
}

function joined(root: RootNode, node: TableNode): string {
  const [, ...below] = chainTo(node)
  return `${quoteTable(root.table)} AS t0${below.map((one, i) => joinTo(one, i + 1)).join('')}`
}

function joinTo(node: TableNode, depth: number): string {
  return ` JOIN ${quoteTable(node.table)} AS ${aliasOf(depth)} ON ${pointsAtParent(node, depth)}`
}

function pointsAtParent(node: TableNode, depth: number): string {
  const { columns, parentColumns } = node.parent!
  const pairs = columns.map(({ name }, i) => {
    const above = `${aliasOf(depth - 1)}.${quoteIdentifier(parentColumns[i]!.name)}`
    return `${aliasOf(depth)}.${quoteIdentifier(name)} = ${above}`
  })
  return pairs.join(' AND ')
}

function aliasOf(depth: number): string {
  return `t${depth}`
}

function depthOf(node: TableNode): number {
  return chainTo(node).length - 1
}

/** The tables from the records' own to this one. */
function chainTo(node: TableNode): TableNode[] {
  return node.parent === null ? [node] : [...chainTo(node.parent.node), node]
}
