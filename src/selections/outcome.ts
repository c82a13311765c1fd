import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { valueOfJson } from '../platform/json-text.ts'
import { isShaped } from '../platform/validation.ts'

const Number = Type.Integer({ minimum: 0 })
const Text = Type.String({ maxLength: 100 })

const OutcomeSchema = Type.Object({
  done: Number,
  /** Those that were refused, by the code of the problem. */
  refused: Type.Array(Type.Object({ code: Text, count: Number, ids: Type.Array(Text) })),
  /** For how many there was no time. */
  left: Number,
})

/** What came of doing the same with several things. */
export type Outcome = Static<typeof OutcomeSchema>

const ShownSchema = Type.Intersect([OutcomeSchema, Type.Object({ action: Text })])

/** How many refusals are named: a cookie holds 4 kB. The audit log has them all. */
const namedReasons = 6
const namedOfEach = 8

const name = 'holdfast_outcome'
const cookie = { path: '/', httpOnly: true, sameSite: 'lax' } as const

/** Leads on to a list, which shows once what came of what was done there. */
export function leadToOutcome(
  reply: FastifyReply,
  path: string,
  action: string,
  outcome: Outcome,
): FastifyReply {
  const refused = outcome.refused
    .slice(0, namedReasons)
    .map(({ code, count, ids }) => ({ code, count, ids: ids.slice(0, namedOfEach) }))
  const text = JSON.stringify({ ...outcome, refused, action })
  return reply
    .setCookie(name, Buffer.from(text).toString('base64url'), { ...cookie, maxAge: 60 })
    .redirect(path, 303)
}

/** What came of the form that led to this page; null when none did. */
export function takeOutcome(reply: FastifyReply): Static<typeof ShownSchema> | null {
  const text = reply.request.cookies[name]
  if (text === undefined) return null
  reply.clearCookie(name, cookie)
  const shown = valueOfJson(Buffer.from(text, 'base64url').toString())
  return isShaped(ShownSchema, shown) ? shown : null // Somebody may have written it by hand.
}
