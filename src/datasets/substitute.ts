/** A dataset file's environment: what `${NAME}` may take. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface Substitution {
  text: string
  /** Variables that were named. */
  names: string[]
  /** Variables without a value and without a default. */
  missing: string[]
  /** `${` that begins nothing. */
  malformed: boolean
}

const place = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{/g

/**
 * Puts values into `${NAME}` and `${NAME:-default}`. As in a shell, a default stands in for a variable that is unset
 * or empty. `$${` is a `${` that means itself.
 */
export function substitute(text: string, environment: Environment): Substitution {
  const result: Substitution = { text: '', names: [], missing: [], malformed: false }
  result.text = text.replace(place, (whole, name: string | undefined, fallback: string | undefined) => {
    if (whole === '$${') return '${'
    if (name === undefined) {
      result.malformed = true
      return whole
    }
    result.names.push(name)
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined
    if (value !== undefined && value !== '') return value
    if (fallback === undefined && value === undefined) result.missing.push(name)
    return fallback ?? ''
  })
  return result
}

/** Variables that hold secrets by the look of their name. */
const secretName = /(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY|_URL$|_DSN$)/i

/** True when a value of this variable must not get into what is shown or stored. */
export function looksSecret(name: string): boolean {
  return secretName.test(name)
}

/** What a value from the environment means where a number, a boolean or nothing is wanted; otherwise the text itself. */
export function plainValue(text: string): string | number | boolean | null {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(text) ? Number(text) : text
}
