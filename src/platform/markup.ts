/** HTML that is safe to put into a page as it is. Everything else is escaped when it is printed. */
export class Markup {
  readonly html: string

  constructor(html: string) {
    this.html = html
  }

  toString(): string {
    return this.html
  }
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What a page prints for a value: markup as it is, nothing for null and undefined, everything else escaped. */
export function printed(value: unknown): string {
  if (value instanceof Markup) return value.html
  if (Array.isArray(value)) return value.map(printed).join('')
  if (value === null || value === undefined) return ''
  return String(value).replace(/[&<>"']/g, (character) => entities[character]!)
}

/** Template tag for markup: escapes whatever is put into it, unless that is markup already. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Markup {
  return new Markup(String.raw({ raw: strings }, ...values.map(printed)))
}
