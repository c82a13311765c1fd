import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyRequest } from 'fastify'
import { describeErrors } from './describe-errors.ts'
import type { InputError } from './errors.ts'

/** In the order in which Fastify looks at them. It stops at the first that is wrong. */
const parts = ['params', 'body', 'querystring', 'headers'] as const

/** All that is wrong with a request: with the part whose validation failed, and with those that were not looked at. */
export function findErrors(error: FastifyError, request: FastifyRequest): InputError[] {
  const failed = error.validationContext ?? 'body'
  const rest = parts.slice(parts.findIndex((part) => part === failed) + 1)
  return [
    ...describeErrors(error.validation as ErrorObject[], failed),
    ...rest.flatMap((part) => describeErrors(validate(request, part), part)),
  ]
}

function validate(request: FastifyRequest, part: (typeof parts)[number]): ErrorObject[] {
  const value = part === 'querystring' ? request.query : request[part]
  return (validatorOf(request, part)?.(value) as { error?: ErrorObject[] } | undefined)?.error ?? []
}

type Validator = ReturnType<FastifyRequest['getValidationFunction']>

/** A route that takes bodies of several media types has a validator for each. */
function validatorOf(request: FastifyRequest, part: (typeof parts)[number]): Validator | undefined {
  const found = request.getValidationFunction(part) as Validator | Record<string, Validator> | undefined
  return typeof found === 'object' ? found[request.mediaType ?? ''] : found
}
