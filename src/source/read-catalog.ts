import type { ClientBase, QueryResultRow } from 'pg'
import type { Catalog, Column, ForeignKey, OtherRelation, Table } from './catalog.ts'
import * as queries from './catalog-queries.ts'
import type { ColumnRow, ForeignKeyRow, RelationRow, UniqueKeyRow } from './catalog-queries.ts'
import { valueRules } from './encodings.ts'
import type { TypeRow, ValueRules } from './encodings.ts'

/**
 * Reads all tables of a database in six queries, however many tables there are.
 * @param client a connection from `SourcePool.withConnection`: its `search_path` makes the catalog print every name of
 *   the user's with its schema
 */
export async function readCatalog(client: ClientBase): Promise<Catalog> {
  const [server] = await rowsOf<Pick<Catalog, 'serverVersion' | 'encoding' | 'readAt'>>(
    client,
    queries.server,
  )
  if (server === undefined) throw new Error('the server answered nothing')
  const relations = await rowsOf<RelationRow>(client, queries.relations)
  const columnRows = Map.groupBy(await rowsOf<ColumnRow>(client, queries.columns), (row) => row.relation)
  const types = new Map((await rowsOf<TypeRow>(client, queries.types)).map((row) => [row.oid, row]))
  const fields = new Map(
    [...columnRows].map(([relation, rows]) => [relation, rows.map((row) => row.typeOid)]),
  )
  const rulesOf = valueRules(types, fields, server.serverVersion)

  const tables = new Map<number, Table>()
  for (const relation of relations.filter(({ kind }) => kind === 'r' || kind === 'p')) {
    const columns = (columnRows.get(relation.oid) ?? []).map((row) => columnOf(row, rulesOf(row.typeOid)))
    tables.set(relation.oid, tableOf(relation, columns))
  }
  const names = new ColumnNames(columnRows)
  addUniqueKeys(tables, await rowsOf<UniqueKeyRow>(client, queries.uniqueKeys), names)
  addForeignKeys(tables, await rowsOf<ForeignKeyRow>(client, queries.foreignKeys), names)
  return {
    ...server,
    tables: new Map([...tables.values()].map((table) => [`${table.schema}.${table.name}`, table])),
    others: othersOf(relations),
  }
}

async function rowsOf<Row extends QueryResultRow>(client: ClientBase, sql: string): Promise<Row[]> {
  return (await client.query<Row>(sql)).rows
}

function columnOf(row: ColumnRow, rules: ValueRules): Column {
  return {
    name: row.name,
    type: row.type,
    typeOid: row.typeOid,
    baseType: rules.baseType,
    notNull: row.notNull || rules.notNull,
    generated: row.generated,
    identity: row.identity === 'a' ? 'always' : row.identity === 'd' ? 'by default' : null,
    default: row.default,
    encoding: rules.encoding,
    keyOrder: rules.keyOrder,
    comparison: rules.comparison,
    refusal: rules.refusal,
  }
}

function tableOf(relation: RelationRow, columns: Column[]): Table {
  return {
    oid: relation.oid,
    schema: relation.schema,
    name: relation.name,
    kind: relation.kind === 'p' ? 'partitioned' : 'table',
    columns,
    primaryKey: [],
    uniqueKeys: [],
    foreignKeys: [],
    referencedBy: [],
    partition: relation.partition,
    inherited: relation.inherited,
    rowSecurity: relation.rowSecurity,
    estimatedRows: relation.estimatedRows,
  }
}

class ColumnNames {
  private readonly names: Map<number, Map<number, string>>

  constructor(rows: Map<number, ColumnRow[]>) {
    this.names = new Map(
      [...rows].map(([relation, list]) => [relation, new Map(list.map((row) => [row.number, row.name]))]),
    )
  }

  of(relation: number, numbers: number[]): string[] {
    return numbers.flatMap((number) => this.names.get(relation)?.get(number) ?? [])
  }
}

function addUniqueKeys(tables: Map<number, Table>, rows: UniqueKeyRow[], names: ColumnNames): void {
  for (const row of rows) {
    const table = tables.get(row.relation)
    const columns = names.of(row.relation, row.columns)
    if (table === undefined || columns.length !== row.columns.length) continue
    table.uniqueKeys.push(columns)
    if (row.primary) table.primaryKey = columns
  }
}

const deleteRules: Record<ForeignKeyRow['onDelete'], ForeignKey['onDelete']> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
}

function addForeignKeys(tables: Map<number, Table>, rows: ForeignKeyRow[], names: ColumnNames): void {
  for (const row of rows) {
    const table = tables.get(row.relation)
    const target = tables.get(row.references)
    if (table === undefined || target === undefined) continue
    const key: ForeignKey = {
      name: row.name,
      table: { schema: table.schema, name: table.name },
      columns: names.of(row.relation, row.columns),
      references: { schema: target.schema, name: target.name },
      referencedColumns: names.of(row.references, row.referencedColumns),
      onDelete: deleteRules[row.onDelete],
      deferrable: row.deferrable,
      valid: row.valid,
    }
    table.foreignKeys.push(key)
    target.referencedBy.push(key)
  }
}

const otherKinds: Record<string, OtherRelation> = {
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
}

function othersOf(relations: RelationRow[]): Catalog['others'] {
  const others = relations.flatMap(({ schema, name, kind }) => {
    const other = otherKinds[kind]
    return other === undefined ? [] : [[`${schema}.${name}`, other] as const]
  })
  return new Map(others)
}
