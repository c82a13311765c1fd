/** What a problem means, the same for every occurrence: one row of a feature's table of errors. */
export interface ProblemDefinition {
  /** HTTP status. */
  status: number
  /** What happened, in one line, without the particulars. */
  title: string
  /** What the reader can do about it. Shown in answers' pages and in docs/troubleshooting. */
  hint: string
}

/** One place in the input that is wrong; `pointer` is a JSON Pointer (RFC 6901), or a file's `name:line`. */
export interface InputError {
  pointer: string
  detail: string
}

export interface ProblemParticulars {
  /** All that is wrong with the input. */
  errors?: InputError[]
  /** Further members of the problem document, such as the gate and the call that clears it. */
  extensions?: Record<string, unknown>
  /** Seconds after which trying again makes sense, for `Retry-After`. */
  retryAfter?: number
  cause?: unknown
}

/** An error meant for the person or program that asked: becomes problem JSON (RFC 9457) or an error page. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly particulars: ProblemParticulars

  constructor(
    code: string,
    definition: ProblemDefinition,
    detail: string,
    particulars: ProblemParticulars = {},
  ) {
    super(detail, particulars.cause === undefined ? undefined : { cause: particulars.cause })
    this.name = 'Problem'
    this.code = code
    this.status = definition.status
    this.title = definition.title
    this.particulars = particulars
  }
}

export type ProblemFactory = (detail: string, particulars?: ProblemParticulars) => Problem

/**
 * Declares a feature's table of errors.
 * @param definitions by code (UPPER_SNAKE)
 * @returns a function for each code that makes the problem: `throw storageProblems.STORE_UNREACHABLE('…')`, and the
 *   table itself as `definitions`, for the page that explains each code
 */
export function defineProblems<const Code extends string>(
  definitions: Record<Code, ProblemDefinition>,
): Record<Code, ProblemFactory> & { definitions: Record<Code, ProblemDefinition> } {
  const factories: Record<string, unknown> = { definitions }
  for (const [code, definition] of Object.entries<ProblemDefinition>(definitions)) {
    factories[code] = (detail: string, particulars?: ProblemParticulars) =>
      new Problem(code, definition, detail, particulars)
  }
  return factories as Record<Code, ProblemFactory> & { definitions: Record<Code, ProblemDefinition> }
}
