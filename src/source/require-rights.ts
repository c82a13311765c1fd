import type pg from 'pg'
import type { Table } from './catalog.ts'
import type { SourcePool } from './connect.ts'
import { sourceProblems } from './errors.ts'

export type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

export interface NeededRights {
  table: Pick<Table, 'oid'>
  rights: readonly Right[]
}

/**
 * Makes sure that the source takes changes and its role may do what is about to be done, before any of it is.
 * @throws Problem SOURCE_READ_ONLY; SOURCE_PERMISSION_MISSING, which names all that has to be granted; SOURCE_…
 */
export async function requireRights(source: SourcePool, needed: NeededRights[]): Promise<void> {
  const grants = await source.withConnection(async (client) => {
    await requireChangeable(source, client)
    const wanted = needed.flatMap(({ table, rights }) => rights.map((right) => ({ oid: table.oid, right })))
    const { rows } = await client.query<{ grants: string }>(missingGrants, [JSON.stringify(wanted)])
    return rows.map((row) => row.grants)
  })
  if (grants.length > 0)
    throw sourceProblems.SOURCE_PERMISSION_MISSING(
      `source "${source.name}": its role may not do this; it needs ${grants.join('; ')}`,
    )
}

/** A standby's transactions are read-only, and so are those of a database or role that is set to it. */
async function requireChangeable(source: SourcePool, client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ readOnly: boolean }>(
    `SELECT pg_catalog.current_setting('transaction_read_only')::boolean AS "readOnly"`,
  )
  if (rows[0]!.readOnly)
    throw sourceProblems.SOURCE_READ_ONLY(`source "${source.name}": its transactions are read-only`)
}

/** A right on some columns may be enough, which only those who use it can tell. $1: [{ oid, right }], as JSON */
const missingGrants = `
  SELECT pg_catalog.format('GRANT %s ON %s TO %I', w.rights, pg_catalog.string_agg(w.name, ', ' ORDER BY w.n), current_user) AS grants
    FROM (
      SELECT c.oid::regclass::text AS name, min(n.n) AS n, pg_catalog.string_agg(n."right", ', ' ORDER BY n.n) AS rights
        FROM ROWS FROM (pg_catalog.json_to_recordset($1::json) AS (oid int8, "right" text)) WITH ORDINALITY AS n (oid, "right", n)
        JOIN pg_catalog.pg_class AS c ON c.oid = n.oid::oid
       WHERE NOT CASE n."right" WHEN 'DELETE' THEN pg_catalog.has_table_privilege(c.oid, 'DELETE')
                 ELSE pg_catalog.has_any_column_privilege(c.oid, n."right") END
       GROUP BY c.oid) AS w
   GROUP BY w.rights ORDER BY min(w.n)`
