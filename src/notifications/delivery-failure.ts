/** Why the latest attempt came to nothing. */
export interface NoticeError {
  code: string
  detail: string
}

export interface FailureKind {
  /** Trying again may help. */
  temporary: boolean
  /** It concerns all that goes this way, not just this notice: nothing else is tried meanwhile. */
  pausesLane?: boolean
  /** How long the other side wants to be left alone. */
  retryAfterMs?: number | null
  /** The notice may have arrived all the same: the answer got lost. */
  mayHaveArrived?: boolean
}

/** A notice could not be delivered. Its message is shown: it holds no secrets. */
export class DeliveryFailure extends Error {
  readonly code: string
  readonly kind: FailureKind

  constructor(code: string, detail: string, kind: FailureKind) {
    super(detail)
    this.code = code
    this.kind = kind
  }

  toError(): NoticeError {
    return { code: this.code, detail: this.message }
  }
}

/** Longest rest that the other side is granted at once. */
const longestRestMs = 86_400_000

/** Milliseconds that a `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3); null for what is neither. */
export function retryAfterMs(header: string | null | undefined, now: Date): number | null {
  if (header === null || header === undefined || header.trim() === '') return null
  const asked = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now.getTime()
  return Number.isNaN(asked) ? null : Math.min(Math.max(asked, 0), longestRestMs)
}

/** An error, what it wraps, and what caused it. */
export function causesOf(error: unknown): (Error & { code?: unknown })[] {
  if (!(error instanceof Error)) return []
  const inner: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error, ...[...inner, error.cause].flatMap(causesOf)]
}

const beforeConnecting = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'EDNS',
])

/** Whether a connection was never there, so that nothing can have arrived. */
export function neverConnected(error: unknown): boolean {
  return causesOf(error).some(({ code }) => beforeConnecting.has(String(code)))
}
