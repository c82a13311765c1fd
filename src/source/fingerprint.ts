import type pg from 'pg'

/**
 * A short text that changes whenever the columns or constraints of some tables do, or of a table that points at them.
 * @param tables their oids; one that was dropped and made anew has another
 */
export async function fingerprint(client: pg.ClientBase, tables: readonly number[]): Promise<string> {
  const { rows } = await client.query<{ fingerprint: string }>(
    `SELECT pg_catalog.md5(pg_catalog.string_agg(part, E'\\n' ORDER BY part)) AS fingerprint FROM (
       SELECT pg_catalog.concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                a.attgenerated, a.attidentity, pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS part
         FROM pg_catalog.pg_attribute AS a
         LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
       UNION ALL
       SELECT pg_catalog.concat_ws(' ', oid, contype, conrelid, conkey, confrelid, confkey, confdeltype, condeferrable,
                convalidated)
         FROM pg_catalog.pg_constraint WHERE conrelid = ANY ($1::oid[]) OR confrelid = ANY ($1::oid[])
       UNION ALL
       SELECT pg_catalog.concat_ws(' ', oid, relname, relnamespace::regnamespace, relrowsecurity)
         FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[])) AS parts`,
    [tables],
  )
  return rows[0]!.fingerprint
}
