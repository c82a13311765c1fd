/** The catalog queries of read-catalog.ts, one per kind of thing for the whole database. PostgreSQL 14 to 18. */

const userSchemas = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`

export interface RelationRow {
  oid: number
  schema: string
  name: string
  kind: string
  partition: boolean
  inherited: boolean
  rowSecurity: boolean
  estimatedRows: number
}

/** A table that was never analyzed says -1: its size over a guess of 100 bytes a row must do. */
const ownRows = `CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE pg_catalog.pg_relation_size(c.oid) / 100 END`

/** Of a relation `c`; a partitioned table has the rows of its partitions. */
export const estimatedRows = `CASE WHEN c.relkind = 'p' THEN (
    SELECT coalesce(sum(${ownRows}), 0) FROM pg_partition_tree(c.oid) p JOIN pg_class c ON c.oid = p.relid AND p.isleaf
  ) WHEN c.relkind = 'r' THEN ${ownRows} ELSE 0 END::float8`

export const relations = `
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
         c.relispartition AS partition,
         c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS inherited,
         row_security_active(c.oid) AS "rowSecurity",
         ${estimatedRows} AS "estimatedRows"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND ${userSchemas}`

export interface ColumnRow {
  relation: number
  number: number
  name: string
  typeOid: number
  type: string
  notNull: boolean
  generated: boolean
  identity: '' | 'a' | 'd'
  default: string | null
}

/** Composite types, views and foreign tables too: their row types can be a column's type. A NOT NULL that was never
 * validated (PostgreSQL 18) proves nothing about the rows that are there. */
export const columns = `
  SELECT a.attrelid::int8::float8 AS relation, a.attnum AS number, a.attname AS name,
         a.atttypid::int8::float8 AS "typeOid", format_type(a.atttypid, a.atttypmod) AS type,
         a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_constraint k
            WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated AND k.conkey = ARRAY[a.attnum]
         ) AS "notNull",
         a.attgenerated <> '' AS generated, a.attidentity AS identity,
         CASE WHEN a.attidentity <> '' THEN (
           SELECT format('nextval(%L::regclass)', d.objid::regclass) FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
              AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
         ) ELSE pg_get_expr(f.adbin, f.adrelid) END AS default
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum AND a.attgenerated = ''
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND ${userSchemas}
     AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY a.attrelid, a.attnum`

/** By the default order of a type, or of one that it is stored as. True arrays only have array_in; int2vector and point have elements too, but a form of their own. */
export const types = `
  SELECT t.oid::int8::float8 AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind,
         t.typbasetype::int8::float8 AS "baseOid", t.typnotnull AS "notNull",
         CASE WHEN t.typinput = 'array_in'::regproc THEN t.typelem ELSE 0 END::int8::float8 AS "elementOid",
         coalesce(r.rngsubtype, m.rngsubtype, 0)::int8::float8 AS "subtypeOid", t.typrelid::int8::float8 AS "relationOid",
         k.castsource IS NOT NULL AS "castToJson",
         (SELECT o.oprnamespace = 'pg_catalog'::regnamespace FROM pg_opclass c
            JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
            JOIN pg_amop s ON s.amopfamily = c.opcfamily AND s.amopstrategy = 3
              AND s.amoplefttype = c.opcintype AND s.amoprighttype = c.opcintype
            JOIN pg_operator o ON o.oid = s.amopopr
           WHERE c.opcdefault AND (c.opcintype = t.oid OR c.opcintype IN (
             SELECT b.casttarget FROM pg_cast b WHERE b.castsource = t.oid AND b.castmethod = 'b' AND b.castcontext = 'i'))
           ORDER BY c.opcintype = t.oid DESC LIMIT 1) AS "ordersBuiltIn"
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_range r ON r.rngtypid = t.oid
    LEFT JOIN pg_range m ON m.rngmultitypid = t.oid
    LEFT JOIN pg_cast k ON k.castsource = t.oid AND k.casttarget = 'json'::regtype AND k.castmethod = 'f'`

export interface UniqueKeyRow {
  relation: number
  primary: boolean
  /** Column numbers, in the index's order. */
  columns: number[]
}

/** Whole, valid indexes over plain columns: a partial one or one over an expression says nothing about every row. */
export const uniqueKeys = `
  SELECT i.indrelid::int8::float8 AS relation, i.indisprimary AS primary,
         ARRAY(SELECT k::int FROM unnest(i.indkey) WITH ORDINALITY AS u(k, n) WHERE n <= i.indnkeyatts ORDER BY n) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND ${userSchemas}
   ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid`

export interface ForeignKeyRow {
  name: string
  relation: number
  columns: number[]
  references: number
  referencedColumns: number[]
  onDelete: 'a' | 'r' | 'c' | 'n' | 'd'
  deferrable: boolean
  valid: boolean
}

/** Without the copies that partitions carry, and without PostgreSQL 18's temporal keys, which compare by containment;
 * their column doesn't exist on older servers, hence the detour through json. */
export const foreignKeys = `
  SELECT k.conname AS name, k.conrelid::int8::float8 AS relation, k.conkey::int[] AS columns,
         k.confrelid::int8::float8 AS references, k.confkey::int[] AS "referencedColumns",
         k.confdeltype AS "onDelete", k.condeferrable AS deferrable, k.convalidated AS valid
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
   WHERE k.contype = 'f' AND k.conparentid = 0 AND ${userSchemas}
     AND to_jsonb(k) ->> 'conperiod' IS DISTINCT FROM 'true'
   ORDER BY k.conrelid, k.conname`

export const server = `
  SELECT current_setting('server_version_num')::int AS "serverVersion", getdatabaseencoding() AS encoding, now() AS "readAt"`
