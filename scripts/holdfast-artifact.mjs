/**
 * Reads Holdfast's artifacts of format 1 without Holdfast: needs nothing but Node 22.15 or later, and shares no code with
 * the service.
 *
 *   node holdfast-artifact.mjs verify <artifact.json.zst> <artifact.json.zst.manifest.json>
 *   node holdfast-artifact.mjs cat <artifact.json.zst> [<manifest>]
 *   node holdfast-artifact.mjs restore-sql <artifact.json.zst> [<manifest>] > restore.sql
 *
 * verify hashes every stored byte and the whole, and prints the verdict. cat prints the JSON. restore-sql prints one
 * transaction for psql, or any other client, that puts the records back into a database that has the tables: records that
 * are there already stay as they are. Without a manifest nothing is proven.
 *
 * Exits 0 when all is well, 1 when the artifact is not what the manifest says, 2 when it could not be read.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { zstdDecompressSync } from 'node:zlib'

const usage = 'usage: node holdfast-artifact.mjs verify|cat|restore-sql <artifact.json.zst> [<manifest.json>]'

class Damaged extends Error {}

/** The artifact's frames, decompressed, and compared with the manifest where there is one. */
function open(file, manifest) {
  if (manifest === null)
    return framesOf(file).map(({ start, end }) => zstdDecompressSync(file.subarray(start, end)))
  if (manifest.holdfast !== 1) throw new Error(`format ${manifest.holdfast} is not known`)
  require(file.length === manifest.storedBytes, `it has ${file.length} bytes, not ${manifest.storedBytes}`)
  let stored = 0
  let offset = 0
  const contents = manifest.frames.map((frame) => {
    require(frame.storedOffset === stored &&
      frame.offset === offset, `a frame is missing before byte ${stored}`)
    const bytes = file.subarray(stored, stored + frame.storedBytes)
    if (frame.storedSha256 !== undefined)
      require(sha256(bytes) === frame.storedSha256, `what is stored at byte ${stored} is not what was stored`)
    const content = decompress(bytes, stored, frame.bytes)
    require(content.length === frame.bytes &&
      sha256(content) === frame.sha256, `the frame at byte ${stored} differs`)
    stored += frame.storedBytes
    offset += frame.bytes
    return content
  })
  require(stored === file.length && offset === manifest.bytes, 'its frames are not the whole of it')
  const whole = createHash('sha256')
  for (const content of contents) whole.update(content)
  require(whole.digest('hex') === manifest.sha256, 'its SHA-256 is another')
  return contents
}

function decompress(bytes, at, most) {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: Math.max(most, 1) })
  } catch {
    throw new Damaged(`what is stored at byte ${at} cannot be decompressed`)
  }
}

function require(holds, otherwise) {
  if (!holds) throw new Damaged(otherwise)
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Where each zstd frame lies, found by walking its blocks (RFC 8878, 3.1.1): Node's decoder stops after the first. */
function framesOf(file) {
  const frames = []
  for (let start = 0; start < file.length;) {
    require(file.length >= start + 9 &&
      file.readUInt32LE(start) === 0xfd2fb528, `no zstd frame at byte ${start}`)
    const descriptor = file[start + 4]
    const isSingle = (descriptor & 0x20) !== 0
    const sizes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] + [0, 1, 2, 4][descriptor & 3]
    let end = start + 5 + (isSingle ? 0 : 1) + sizes
    for (let isLast = false; !isLast;) {
      require(end + 3 <= file.length, 'it ends in the middle')
      const header = file.readUIntLE(end, 3)
      isLast = (header & 1) === 1
      end += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3)
    }
    end += (descriptor & 4) === 0 ? 0 : 4
    require(end <= file.length, 'it ends in the middle')
    frames.push({ start, end })
    start = end
  }
  return frames
}

function verify(contents, manifest) {
  const { header, lines } = parse(contents)
  const counts = Object.fromEntries(Object.keys(header.definition.tables).map((table) => [table, 0]))
  const root = treeOf(header.definition)
  for (const line of lines) count(root, JSON.parse(line), counts)
  for (const [table, rows] of Object.entries(manifest.counts))
    require(counts[table] === rows, `${table} has ${counts[table]} rows, not ${rows}`)
  console.log(
    `OK: ${lines.length} records of ${header.dataset}, taken ${header.takenAt}; SHA-256 ${manifest.sha256}`,
  )
}

function count(node, row, counts) {
  counts[node.table]++
  for (const child of node.children) for (const one of row[child.as]) count(child, one, counts)
}

function cat(contents) {
  for (const content of contents) process.stdout.write(content)
}

/** The first line, and the records' lines. Lists of absent keys in safety snapshots begin with another bracket. */
function parse(contents) {
  const [first, ...rest] = Buffer.concat(contents).toString('utf8').split('\n')
  const header = JSON.parse(`${first}]}`)
  if (header.holdfast !== 1) throw new Error(`format ${header.holdfast} is not known`)
  return { header, lines: rest.filter((line) => line.startsWith('{')).map((line) => line.replace(/,$/, '')) }
}

/** The tables as they hang together, parents first. */
function treeOf({ records, tables }) {
  let next = 0
  const grow = (declared, parent) => {
    const { as, key, columns } = tables[declared.table]
    const parentColumns = declared.parent === undefined ? null : [declared.parent].flat()
    const references = declared.references ?? {}
    const node = {
      number: next++,
      table: declared.table,
      as,
      key,
      columns: Object.keys(columns),
      parent,
      parentColumns,
      references,
      children: [],
    }
    node.children = (declared.children ?? []).map((child) => grow(child, node))
    return node
  }
  return grow(records, null)
}

/** Everything is text inside JSON until PostgreSQL's own input functions read it, so nothing is lost on the way. */
function restoreSql(contents) {
  const { header, lines } = parse(contents)
  const root = treeOf(header.definition)
  const print = (text) => process.stdout.write(`${text}\n`)
  print(opening)
  let number = 0
  const put = (node, row, above) => {
    const own = ++number
    const document = JSON.stringify(documentOf(node, row), (_name, value) =>
      Object.is(value, -0) ? '-0' : value,
    )
    print(
      `INSERT INTO pg_temp.holdfast_rows VALUES (${own}, ${above ?? 'NULL'}, ${node.number}, ${literal(document)});`,
    )
    for (const child of node.children) for (const one of row[child.as]) put(child, one, own)
  }
  for (const line of lines) put(root, JSON.parse(line), null)
  const visit = (node) => {
    print(`SELECT pg_temp.holdfast_put(${literal(JSON.stringify(specOf(node)))});`)
    node.children.forEach(visit)
  }
  visit(root)
  print('COMMIT;')
}

function specOf({ number, table, key, columns, parent, parentColumns, references }) {
  const rules = Object.entries(references).map(([column, { table, key, missing = 'fail' }]) => [
    column,
    { table: quoted(table), key: [key].flat(), missing },
  ])
  return {
    ...{ number, table: quoted(table), key, columns, parentColumns, references: Object.fromEntries(rules) },
    ...(parent && { parent: quoted(parent.table), parentKey: parent.key }),
  }
}

/** A row without those below it; what points elsewhere as a list of the stable key's values, or of raw ones. */
function documentOf({ columns, references }, row) {
  const value = (name) => (Object.hasOwn(references, name) ? pointer(row[name]) : row[name])
  return Object.fromEntries(columns.map((name) => [name, value(name)]))
}

function pointer(value) {
  if (value === null) return null
  if (typeof value === 'object' && 'unresolved' in value) return { raw: value.unresolved }
  const key = typeof value === 'object' && 'key' in value ? value.key : value
  return { key: [key].flat() }
}

function quoted(table) {
  const dot = table.indexOf('.')
  return [table.slice(0, dot), table.slice(dot + 1)]
    .map((name) => `"${name.replaceAll('"', '""')}"`)
    .join('.')
}

function literal(text) {
  return `'${text.replaceAll("'", "''")}'`
}

/** What the printed transaction begins with: the sessions' settings that values were printed under, and one function. */
const opening = String.raw`-- Puts records back that Holdfast took. Those that are there already stay as they are.
BEGIN;
SET LOCAL standard_conforming_strings = on;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL lc_monetary = 'C';
SET LOCAL client_encoding = 'UTF8';
SET CONSTRAINTS ALL DEFERRED;
CREATE TEMPORARY TABLE holdfast_rows
  (number bigint PRIMARY KEY, parent bigint, node int, doc json, made json, over boolean NOT NULL DEFAULT false) ON COMMIT DROP;
CREATE INDEX ON pg_temp.holdfast_rows (node);
CREATE FUNCTION pg_temp.holdfast_put(spec json) RETURNS void LANGUAGE plpgsql AS $holdfast$
DECLARE
  target regclass := (spec ->> 'table')::regclass;
  own text[];
  theirs text[];
  names text[] := '{}';
  exprs text[] := '{}';
  checks text := '';
  lookup text;
  found text;
  same text;
  rule json;
  link record;
  field record;
  one record;
  unresolved text;
  progressed boolean := true;
  final boolean := false;
  ended boolean := false;
BEGIN
  -- Which columns point at the parent: the foreign key says so, else the definition and the parent's key.
  IF spec ->> 'parent' IS NOT NULL THEN
    SELECT array_agg(a.attname::text ORDER BY k.i), array_agg(b.attname::text ORDER BY k.i) INTO own, theirs
      FROM pg_constraint c CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (mine, yours, i)
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.mine
      JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.yours
      WHERE c.contype = 'f' AND c.conparentid = 0 AND c.conrelid = target AND c.confrelid = (spec ->> 'parent')::regclass
      GROUP BY c.oid
      HAVING json_typeof(spec -> 'parentColumns') = 'null' OR
        array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") = ARRAY(
          SELECT value FROM json_array_elements_text(CASE json_typeof(spec -> 'parentColumns') WHEN 'array'
            THEN spec -> 'parentColumns' ELSE '[]' END) ORDER BY value COLLATE "C")
      LIMIT 1;
    IF own IS NULL THEN
      own := ARRAY(SELECT json_array_elements_text(spec -> 'parentColumns'));
      theirs := ARRAY(SELECT json_array_elements_text(spec -> 'parentKey'));
    END IF;
    FOR i IN 1 .. cardinality(own) LOOP
      names := names || own[i];
      exprs := exprs || format('($2 ->> %L)::%s', theirs[i], (SELECT format_type(atttypid, atttypmod)
        FROM pg_attribute WHERE attrelid = target AND attname = own[i]));
    END LOOP;
  END IF;

  FOR field IN SELECT value AS name FROM json_array_elements_text(spec -> 'columns') LOOP
    CONTINUE WHEN field.name = ANY (own);
    rule := spec -> 'references' -> field.name;
    IF rule IS NULL THEN
      names := names || field.name;
      exprs := exprs || format('($1 ->> %L)::%s', field.name, (SELECT format_type(atttypid, atttypmod)
        FROM pg_attribute WHERE attrelid = target AND attname = field.name));
      CONTINUE;
    END IF;
    SELECT string_agg(format('x.%I = ($1 -> %L -> ''key'' ->> %s)::%s', k.name, field.name, k.i - 1,
        format_type(a.atttypid, a.atttypmod)), ' AND ') INTO same
      FROM json_array_elements_text(rule -> 'key') WITH ORDINALITY AS k (name, i)
      JOIN pg_attribute a ON a.attrelid = (rule ->> 'table')::regclass AND a.attname = k.name;
    found := format('EXISTS (SELECT FROM %s AS x WHERE %s)', rule ->> 'table', same);
    checks := checks || format(
      ' WHEN json_typeof($1 -> %L) <> ''null'' AND $1 -> %L -> ''raw'' IS NULL AND NOT %s THEN %L',
      field.name, field.name, found, (rule ->> 'missing') || ' ' || field.name);
    -- Of several columns that point together only the first is in the artifact.
    FOR link IN
      SELECT a.attname AS mine, b.attname AS yours, k.i FROM (
        SELECT conkey, confkey FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND conrelid = target
          AND confrelid = (rule ->> 'table')::regclass AND (SELECT attnum FROM pg_attribute
            WHERE attrelid = target AND attname = field.name) = ANY (conkey)
        ORDER BY cardinality(conkey) LIMIT 1) c
      CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (mine, yours, i)
      JOIN pg_attribute a ON a.attrelid = target AND a.attnum = k.mine
      JOIN pg_attribute b ON b.attrelid = (rule ->> 'table')::regclass AND b.attnum = k.yours
      UNION ALL
      SELECT field.name, a.attname, 1 FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indisprimary AND i.indrelid = (rule ->> 'table')::regclass AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = target AND confrelid = i.indrelid
          AND (SELECT attnum FROM pg_attribute WHERE attrelid = target AND attname = field.name) = ANY (conkey))
      ORDER BY 3
    LOOP
      CONTINUE WHEN link.mine = ANY (own) OR link.mine = ANY (names);
      names := names || link.mine::text;
      exprs := exprs || format(
        'CASE WHEN $1 -> %L -> ''raw'' IS NULL THEN (SELECT x.%I FROM %s AS x WHERE %s) ELSE ($1 -> %L -> ''raw'' ->> %s)::%s END',
        field.name, link.yours, rule ->> 'table', same, field.name, link.i - 1,
        (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = target AND attname = link.mine));
    END LOOP;
  END LOOP;
  lookup := CASE checks WHEN '' THEN 'SELECT NULL::text' ELSE 'SELECT CASE' || checks || ' END' END;

  IF spec ->> 'parent' IS NULL THEN
    SELECT string_agg(format('x.%I = ($1 ->> %L)::%s', k.name, k.name, format_type(a.atttypid, a.atttypmod)), ' AND ')
      INTO same FROM json_array_elements_text(spec -> 'key') AS k (name)
      JOIN pg_attribute a ON a.attrelid = target AND a.attname = k.name;
    EXECUTE format('UPDATE pg_temp.holdfast_rows AS r SET over = true WHERE node = $1 AND EXISTS (SELECT FROM %s AS x WHERE %s)',
      target, replace(same, '$1 ->>', 'r.doc ->>')) USING (spec ->> 'number')::int;
  ELSE
    UPDATE pg_temp.holdfast_rows AS r SET over = true WHERE node = (spec ->> 'number')::int
      AND NOT EXISTS (SELECT FROM pg_temp.holdfast_rows p WHERE p.number = r.parent AND p.made IS NOT NULL);
  END IF;

  -- Rows may point at others of their table that come later: what can't be put yet is tried again, until nothing moves.
  WHILE NOT ended LOOP
    ended := final;
    progressed := false;
    FOR one IN SELECT r.number, r.doc, p.made AS parent FROM pg_temp.holdfast_rows r
      LEFT JOIN pg_temp.holdfast_rows p ON p.number = r.parent
      WHERE r.node = (spec ->> 'number')::int AND NOT r.over ORDER BY r.number
    LOOP
      EXECUTE lookup INTO unresolved USING one.doc, one.parent;
      CONTINUE WHEN unresolved IS NOT NULL AND NOT final;
      IF unresolved LIKE 'fail %' THEN
        RAISE EXCEPTION '%: what % points at is not there: %', target, substr(unresolved, 6), one.doc;
      ELSIF unresolved LIKE 'skip %' THEN
        RAISE NOTICE '%: left out, what % points at is not there: %', target, substr(unresolved, 6), one.doc;
        UPDATE pg_temp.holdfast_rows SET over = true WHERE number = one.number;
        CONTINUE;
      END IF;
      EXECUTE format('INSERT INTO %s AS t (%s) OVERRIDING SYSTEM VALUE VALUES (%s) RETURNING row_to_json(t)', target,
        (SELECT string_agg(quote_ident(n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY AS u (n, i)),
        array_to_string(exprs, ', ')) INTO STRICT one.parent USING one.doc, one.parent;
      UPDATE pg_temp.holdfast_rows SET over = true, made = one.parent WHERE number = one.number;
      progressed := true;
    END LOOP;
    final := NOT progressed;
  END LOOP;

  FOR field IN SELECT attname AS name, pg_get_serial_sequence(target::text, attname) AS sequence FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND pg_get_serial_sequence(target::text, attname) IS NOT NULL
  LOOP
    EXECUTE format('SELECT setval(%L, greatest((SELECT max(%I) FROM %s), (SELECT last_value FROM %s)))',
      field.sequence, field.name, target, field.sequence);
  END LOOP;
END $holdfast$;`

const [command, path, manifestPath] = process.argv.slice(2)
const commands = { verify, cat, 'restore-sql': restoreSql }
try {
  const run = Object.hasOwn(commands, command ?? '') ? commands[command] : undefined
  if (run === undefined || path === undefined || (command === 'verify' && manifestPath === undefined))
    throw new Error(usage)
  const manifest = manifestPath === undefined ? null : JSON.parse(await readFile(manifestPath, 'utf8'))
  run(open(await readFile(path), manifest), manifest)
} catch (error) {
  console.error(
    error instanceof Damaged ? `DAMAGED: ${error.message}` : `could not be read: ${error.message}`,
  )
  process.exitCode = error instanceof Damaged ? 1 : 2
}
