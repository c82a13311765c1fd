import type { Problem } from './errors.ts'

/** A problem as its reader gets it (RFC 9457). @param requestId to find it in the log */
export function problemDocument(problem: Problem, requestId: string): Record<string, unknown> {
  const { errors, extensions } = problem.particulars
  return {
    type: `/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    requestId,
    ...(errors && { errors }),
    ...extensions,
  }
}

export const problemType = 'application/problem+json; charset=utf-8'
