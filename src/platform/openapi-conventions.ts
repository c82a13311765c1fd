/** What holds for every call, for the head of the API's document. */
export const description = `
Snapshot, verify, compare, restore and clean up the records of a PostgreSQL application.

**Who asks.** Scripts send \`Authorization: Bearer hf_…\`; pages use the session cookie. Each call names the permission it
takes as \`x-permission\`; \`GET /api/permissions\` has the whole matrix.

**Errors** are problems (RFC 9457, \`application/problem+json\`) with a \`code\` for programs. \`type\` leads to a page that
explains it. \`errors\` lists all that is wrong with the input: \`pointer\` is a JSON Pointer into the body, or
\`query:limit\`, \`path:id\`, \`header:prefer\`.

**Strictness.** Unknown fields and query parameters are refused, and nothing in a body is converted. A body has at most
1 MiB and 64 levels. Times are RFC 3339; answers give UTC.

**Lists** go from the newest on: ask for \`cursor\` = \`nextCursor\` of the answer before until it is null.

**Repeating.** With an \`Idempotency-Key\`, a POST that is repeated within 24 hours by the same user or token, with the same
body, gets the same answer and has no second effect (\`Idempotency-Replayed: true\`). Another body under the same key is
422; a repetition while the first is still worked on is 409 with \`Retry-After\`. Answers 429 and 5xx are not kept: repeat
until there is another. If the service died after it changed something and before it answered, the repetition is 409
\`IDEMPOTENCY_OUTCOME_UNKNOWN\` instead of a second effect.

**Long work** answers 202 with \`Location\`; \`Prefer: wait=N\` waits up to 60 seconds for the finished resource. \`GET …/events\`
streams progress as Server-Sent Events: \`event: progress\` with the resource, at once and after each change, and
\`event: done\` at the end.

**Versions.** A \`GET\` answers an \`ETag\`; \`If-None-Match\` makes it 304 when nothing changed, and \`If-Match\` makes a PATCH 412
when something did.

**Limits.** \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` (seconds) say how many requests are left in this
minute; beyond them is 429 with \`Retry-After\`. Every answer has an \`X-Request-Id\`, the caller's own if it sent one.
`.trim()

const text = { type: 'string' as const }
const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }

/** What operations refer to: documentOperations says which. */
export const components = {
  securitySchemes: {
    token: { type: 'http', scheme: 'bearer', bearerFormat: 'hf_…' },
    session: { type: 'apiKey', in: 'cookie', name: 'holdfast_session' },
  },
  schemas: {
    Problem: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
      properties: {
        type: { ...text, description: 'Leads to a page that explains the code.' },
        title: text,
        status: { type: 'integer' },
        detail: text,
        code: { ...text, description: 'UPPER_SNAKE, for programs.' },
        requestId: text,
        errors: {
          type: 'array',
          items: {
            type: 'object',
            required: ['pointer', 'detail'],
            properties: { pointer: text, detail: text },
          },
        },
      },
      additionalProperties: true,
    },
  },
  responses: { Problem: { description: 'A problem', content: problem } },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'Makes it safe to repeat the call: see Repeating.',
      schema: { ...text, minLength: 1, maxLength: 255 },
    },
    Prefer: {
      name: 'Prefer',
      in: 'header',
      description: '`wait=N`: waits up to N seconds, at most 60, for the finished resource.',
      schema: text,
      example: 'wait=30',
    },
    IfMatch: { name: 'If-Match', in: 'header', description: 'The ETag last seen.', schema: text },
    IfNoneMatch: {
      name: 'If-None-Match',
      in: 'header',
      description: 'The ETag that you have.',
      schema: text,
    },
  },
  headers: { ETag: { description: 'Changes with the resource.', schema: text } },
}
