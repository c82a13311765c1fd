import type { Column, Model, Table } from './model.ts'
import { list, quote, quoteTable } from './names.ts'

/** The statements that make a model's tables, and what stands around them; parents before children. */
export function createTables(model: Model): string {
  const { schema, tables, people, holders } = model
  const at = (name: string) => quoteTable({ schema, name })
  return [
    `CREATE SCHEMA ${quote(schema)}`,
    `CREATE TABLE ${at(people)} (id serial PRIMARY KEY, email text NOT NULL UNIQUE)`,
    `CREATE TABLE ${at('log')} (what text)`,
    `CREATE FUNCTION ${at('log')}() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO ${at('log')} VALUES (TG_OP); RETURN COALESCE(NEW, OLD); END $$`,
    ...tables.flatMap(createTable),
    ...tables.flatMap((table) => table.pointers.map((pointer) => foreignKey(table, pointer))),
    ...tables.filter(({ shape }) => shape.trigger).map((table) => createTrigger(table, at('log'))),
    ...holders.map(({ name, table, onDelete }) => {
      const columns = table.primary.map(({ type }, i) => `c${i} ${type.replace('serial', 'int')}`)
      const targets = `${quoteTable(table)} (${list(table.primary)}) ON DELETE ${onDelete}`
      const pointing = table.primary.map((_, i) => `c${i}`).join(', ')
      return `CREATE TABLE ${at(name)} (id serial PRIMARY KEY, ${columns.join(', ')}, FOREIGN KEY (${pointing}) REFERENCES ${targets})`
    }),
  ].join(';\n')
}

function createTable(table: Table): string[] {
  const { columns, primary, unique, parent, parentColumns, partition, shape } = table
  const uniques = unique.map((key) => `UNIQUE (${list(key)})`)
  const toParent = parent && {
    ...{ columns: parentColumns, target: parent, targets: parent.linked, reference: null, required: false },
    clause: shape.cascade ? ' ON DELETE CASCADE' : '',
  }
  const parts = [...columns.map(define), `PRIMARY KEY (${list(primary)})`, ...uniques]
  const by = partition === null ? '' : ` PARTITION BY ${shape.partitions} (${quote(partition.name)})`
  return [
    `CREATE TABLE ${quoteTable(table)} (${parts.join(', ')})${by}`,
    ...(toParent ? [foreignKey(table, toParent)] : []),
    ...(partition === null ? [] : partitionsOf(table)),
  ]
}

function define({ name, type, notNull, clause }: Column): string {
  return `${quote(name)} ${type}${notNull ? ' NOT NULL' : ''} ${clause.replace('@', () => quote(name))}`
}

function foreignKey(table: Table, pointer: Table['pointers'][number]): string {
  const { columns, target, targets, clause } = pointer
  return `ALTER TABLE ${quoteTable(table)} ADD FOREIGN KEY (${list(columns)}) REFERENCES ${quoteTable(target)} (${list(targets)})${clause}`
}

const bounds = {
  range: ['FROM (MINVALUE) TO (1)', 'FROM (1) TO (3)', 'FROM (3) TO (MAXVALUE)'],
  list: ['IN (0, 1)', 'IN (2)', 'IN (3)'],
  hash: [0, 1, 2].map((rest) => `WITH (MODULUS 3, REMAINDER ${rest})`),
}

function partitionsOf(table: Table): string[] {
  // Names have 63 bytes at most, and the ends of two tables' names differ.
  const end = Buffer.from(table.name).toString('hex').slice(-30)
  return bounds[table.shape.partitions!].map((values, i) => {
    const name = quoteTable({ schema: table.schema, name: `part ${i} of ${end}` })
    return `CREATE TABLE ${name} PARTITION OF ${quoteTable(table)} FOR VALUES ${values}`
  })
}

function createTrigger(table: Table, log: string): string {
  return `CREATE TRIGGER "Logs it" BEFORE INSERT OR UPDATE OR DELETE ON ${quoteTable(table)} FOR EACH ROW EXECUTE FUNCTION ${log}()`
}

export function secure(table: Table, force: boolean): string {
  return `ALTER TABLE ${quoteTable(table)} ENABLE ROW LEVEL SECURITY, ${force ? '' : 'NO '}FORCE ROW LEVEL SECURITY`
}
