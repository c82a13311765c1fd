import type { FastifyRequest } from 'fastify'
import type { Problem } from './errors.ts'
import { ownPath } from './theme.ts'

/** Fields that nobody typed, or that are shown to nobody. */
const unshown = /password|secret|token|hash|once|^back$|^next$|id$/i

/** What the page of an error shows: what happened, what to do, a way on, and what was typed in vain. */
export function problemData(request: FastifyRequest, problem: Problem, hint: string) {
  const { status, title, particulars } = problem
  const wasAsked = request.method === 'GET'
  return {
    title,
    problem,
    hint,
    tone: status >= 500 ? 'bad' : 'warn',
    // Asking again does what was asked; a form is sent from its own page.
    again: wasAsked ? ownPath(request.url) : cameFrom(request),
    wasAsked,
    mayHelp: status === 429 || status >= 500 || status === 409 || status === 412,
    retryAfter: particulars.retryAfter,
    lost: wasAsked ? [] : typedIn(request.body),
  }
}

/** The page of ours that the form stands on, or null. */
function cameFrom({ headers }: FastifyRequest): string | null {
  const from = headers['hx-current-url'] ?? headers.referer
  if (typeof from !== 'string' || !URL.canParse(from)) return null
  const { pathname, search } = new URL(from)
  return ownPath(pathname + search)
}

function typedIn(body: unknown): [name: string, value: string][] {
  return Object.entries(body ?? {}).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && entry[1] !== '' && !unshown.test(entry[0]),
  )
}
