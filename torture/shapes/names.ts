export const quote = (name: string) => `"${name.replaceAll('"', '""')}"`
export const quoteTable = ({ schema, name }: { schema: string; name: string }) =>
  `${quote(schema)}.${quote(name)}`

/** A list of columns, each with its table's alias where one is given. */
export const list = (columns: readonly { name: string }[], alias?: string) =>
  columns.map(({ name }) => (alias === undefined ? quote(name) : `${alias}.${quote(name)}`)).join(', ')

/** `a."x" = b."y" AND …` */
export const equal = (
  a: string,
  left: readonly { name: string }[],
  b: string,
  right: readonly { name: string }[],
) => left.map(({ name }, i) => `${a}.${quote(name)} = ${b}.${quote(right[i]!.name)}`).join(' AND ')

export const literal = (text: string) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** Gives names that PostgreSQL takes: 63 bytes of UTF-8 at most, no NUL, none twice. */
export class Names {
  #taken = new Set(['tableoid', 'cmax', 'xmax', 'cmin', 'xmin', 'ctid', '__proto__', 'log', 'people'])

  give(wanted: string): string {
    for (let i = 0; ; i++) {
      const name = cut(wanted.toWellFormed().replaceAll('\0', '') || 'x', i === 0 ? '' : ` ${i}`)
      if (this.#taken.has(name)) continue
      this.#taken.add(name)
      return name
    }
  }
}

function cut(text: string, suffix: string): string {
  const characters = [...text]
  while (Buffer.byteLength(characters.join('') + suffix) > 63) characters.pop()
  return characters.join('') + suffix
}

const serials: Record<string, string> = {
  smallserial: 'smallint',
  serial: 'integer',
  bigserial: 'bigint',
  code: 'text',
  number: 'integer',
}

/** The type of a column that points at one of the given type. */
export function plainOf(type: string): string {
  return serials[type] ?? type
}
