import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { defineProblems, type Problem } from './errors.ts'
import { problemDocument, problemType } from './problem-document.ts'
import { requestIdOf } from './request-ids.ts'
import { STATUS_CODES } from './status-words.ts'

export const rawProblems = defineProblems({
  NOT_HTTP: {
    status: 400,
    title: 'The request is not HTTP/1.1',
    hint: 'Look at what stands between you and the service.',
  },
  ADDRESS_MALFORMED: {
    status: 400,
    title: 'The address cannot be read',
    hint: 'Percent-encode what is not a letter, a digit or one of -._~ as UTF-8.',
  },
  ADDRESS_TOO_LONG: {
    status: 414,
    title: 'A part of the address is too long',
    hint: 'No part of a path that stands for a name or an id has more than 200 characters.',
  },
  EXPECTATION_FAILED: {
    status: 417,
    title: 'The expectation cannot be met',
    hint: 'Leave the Expect header out.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request did not arrive in time',
    hint: 'A request has 10 seconds for its head and 30 seconds in all.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The headers are too large',
    hint: 'A request may have 16 KiB of headers, its address included. Drop cookies that are not ours.',
  },
})

/** What the parser refuses reaches no route: it is answered on the socket, which then closes. */
export function answerOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem = unreadable(error.code)
  const requestId = requestIdOf()
  const body = JSON.stringify(problemDocument(problem, requestId))
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** What the router refuses before it knows a route. @param code Fastify's */
export function answerUnrouted(code: string, request: IncomingMessage, response: ServerResponse): void {
  const tooLong = code === 'FST_ERR_MAX_PARAM_LENGTH'
  const problem = tooLong
    ? rawProblems.ADDRESS_TOO_LONG('A part of the path has more than 200 characters.')
    : rawProblems.ADDRESS_MALFORMED('The path is not percent-encoded UTF-8.')
  answerRaw(problem, request, response)
}

/** Node's own answer to `Expect` with anything but 100-continue has no body. */
export function answerExpectation(request: IncomingMessage, response: ServerResponse): void {
  answerRaw(rawProblems.EXPECTATION_FAILED('Only 100-continue is met.'), request, response)
}

function answerRaw(problem: Problem, request: IncomingMessage, response: ServerResponse): void {
  const requestId = requestIdOf(request)
  const body = JSON.stringify(problemDocument(problem, requestId))
  response.writeHead(problem.status, {
    'content-type': problemType,
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    'cache-control': 'no-store',
  })
  response.end(body)
}

function unreadable(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return rawProblems.REQUEST_TIMEOUT('The connection is closed.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return rawProblems.HEADERS_TOO_LARGE('The headers have more than 16 KiB.')
  return rawProblems.NOT_HTTP('The request cannot be read.')
}
