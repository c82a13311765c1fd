import { defineProblems } from '../errors.ts'

export const idempotencyProblems = defineProblems({
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    title: 'The idempotency key is not valid',
    hint: 'Send 1 to 255 printable ASCII characters, best a random UUID, and a new one for each thing you want done.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key was used for something else',
    hint: 'The same key with another body: that is a mistake in the caller. Use a new key for each thing you want done.',
  },
  IDEMPOTENCY_IN_PROGRESS: {
    status: 409,
    title: 'The same request is still being worked on',
    hint: 'Repeat it as it is after Retry-After; it then gets the answer.',
  },
  IDEMPOTENCY_OUTCOME_UNKNOWN: {
    status: 409,
    title: 'The same request changed something, and ended before its answer',
    hint: 'Look at what is there now. If it still needs doing, ask again with a new key.',
  },
})
