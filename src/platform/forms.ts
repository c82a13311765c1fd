import type { FastifyError, FastifyRequest } from 'fastify'
import { Problem } from './errors.ts'
import { toProblem } from './problem-answers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Shows the form again that the request came from, when a problem keeps it from being done. */
    showAgain: ((problem: Problem) => Promise<string>) | null
  }
}

/** What a page that has a form shows besides, when the form comes back. */
export interface Shown {
  typed?: unknown
  problem?: Problem
}

/** For routes that take forms: a body that doesn't fit the schema reaches the handler, so that what was typed is kept. */
export const formRoute = { attachValidation: true } as const

/**
 * Answers a form. What it asks for is done by `run`, which then leads on with `reply.leadTo` or shows a page. A problem on the way is
 * thrown on, as everywhere, so that refusals are recorded; its page is then the form again, with the problem's status.
 * @param again shows that page; templates find what was typed and the problem as `it.typed` and `it.problem`
 */
export async function answerForm(
  request: FastifyRequest,
  run: () => Promise<unknown>,
  again: (shown: Required<Shown>) => Promise<string>,
): Promise<unknown> {
  request.showAgain = (problem) => again({ typed: request.body, problem })
  if (request.validationError) throw toProblem(request.validationError as FastifyError, request)
  return run()
}

/**
 * Draws the form again that a problem kept from being done.
 * @returns null when there is none, or what it was about is gone
 */
export async function formAgain(request: FastifyRequest, problem: Problem): Promise<string | null> {
  if (request.showAgain === null || problem.status >= 500) return null
  try {
    return await request.showAgain(problem)
  } catch (error) {
    if (!(error instanceof Problem)) request.failure ??= error
    return null
  }
}

/**
 * Browsers send the fields that were left empty along, in a filter's query as in a form's body. To us they are not there.
 */
export async function dropEmptyFields({ url, headers, query, body }: FastifyRequest): Promise<void> {
  if (url.startsWith('/api/')) return
  dropEmpty(query)
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) dropEmpty(body)
}

function dropEmpty(fields: unknown): void {
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value === '') delete (fields as Record<string, unknown>)[name]
  }
}
