import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { defineProblems, Problem, type ProblemDefinition } from './errors.ts'
import { describeErrors } from './validation.ts'

export const platformProblems = defineProblems({
  VALIDATION_FAILED: {
    status: 400,
    title: 'The request is not valid',
    hint: 'Mend what `errors` lists. Unknown fields and parameters are refused, and nothing is converted: a number is not a string.',
  },
  BODY_MALFORMED: {
    status: 400,
    title: 'The body cannot be read',
    hint: 'Send well-formed JSON in UTF-8 with Content-Type: application/json.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    hint: 'A request may have 1 MiB. Split it up.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    title: 'The content type is not supported',
    hint: 'Send JSON with Content-Type: application/json.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'There is nothing here',
    hint: 'Check the address. What was deleted, or belongs to a dataset that you may not see, is not found either.',
  },
  REQUEST_REFUSED: { status: 400, title: 'The request cannot be served', hint: 'See the detail.' },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests',
    hint: 'Wait as long as Retry-After says, then go on more slowly.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something went wrong on our side',
    hint: 'Nothing was changed unless the answer says so. Try again; if it stays, look the request id up in the log.',
  },
})

declare module 'fastify' {
  interface FastifyInstance {
    /** Every error the service can answer with, by code; features add their tables. */
    problems: Map<string, ProblemDefinition>
    addProblems(table: { definitions: Record<string, ProblemDefinition> }): void
  }
}

/** One place maps errors to problem JSON (RFC 9457) or an error page. */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorate('problems', new Map<string, ProblemDefinition>())
    app.decorate('addProblems', ({ definitions }) => {
      for (const [code, definition] of Object.entries(definitions)) app.problems.set(code, definition)
    })
    app.addProblems(platformProblems)
    app.setErrorHandler(async (error, request, reply) =>
      answer(app, toProblem(error as FastifyError), request, reply),
    )
    app.setNotFoundHandler(async (request, reply) =>
      answer(
        app,
        platformProblems.NOT_FOUND(`There is no ${request.method} ${pathOf(request)}.`),
        request,
        reply,
      ),
    )
  },
  { name: 'problem-answers' },
)

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!.slice(0, 200)
}

function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error
  if (error.validation) {
    const errors = describeErrors(error.validation as ErrorObject[], error.validationContext ?? 'body')
    return platformProblems.VALIDATION_FAILED(errors.map((e) => `${e.pointer} ${e.detail}`).join('; '), {
      errors,
    })
  }
  const status = error.statusCode ?? 500
  if (status >= 500) return platformProblems.INTERNAL('The request could not be completed.', { cause: error })
  if (status === 413) return platformProblems.BODY_TOO_LARGE(error.message)
  if (status === 415) return platformProblems.MEDIA_TYPE_UNSUPPORTED(error.message)
  if (error.code?.startsWith('FST_ERR_CTP') || error instanceof SyntaxError)
    return platformProblems.BODY_MALFORMED(error.message)
  return platformProblems.REQUEST_REFUSED(error.message)
}

async function answer(app: FastifyInstance, problem: Problem, request: FastifyRequest, reply: FastifyReply) {
  if (problem.status >= 500) request.log.error({ err: problem.particulars.cause ?? problem }, problem.title)
  if (problem.particulars.retryAfter) reply.header('retry-after', Math.ceil(problem.particulars.retryAfter))
  reply.code(problem.status).header('cache-control', 'no-store')
  if (wantsPage(request)) return reply.problemPage(problem, app.problems.get(problem.code)?.hint ?? '')
  return reply.type('application/problem+json').send(document(problem, request))
}

function wantsPage(request: FastifyRequest): boolean {
  const isApi = request.url.startsWith('/api/') || request.url === '/api'
  return !isApi && (request.headers.accept?.includes('text/html') ?? false)
}

function document(problem: Problem, request: FastifyRequest): Record<string, unknown> {
  const { errors, extensions } = problem.particulars
  return {
    type: `/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    requestId: request.id,
    ...(errors && { errors }),
    ...extensions,
  }
}
