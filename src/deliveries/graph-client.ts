import { setTimeout as rest } from 'node:timers/promises'
import { BatchPaused } from '../batches/batch-paused.ts'
import { valueOfJson } from '../platform/json-text.ts'
import { readSome } from '../platform/read-some.ts'
import { backoff } from './patience.ts'

/** What lets us in, and may stop doing so at any time. */
export interface GraphAccess {
  /** @throws BatchPaused when there is no token that this process can use */
  token(): Promise<string>
  /** Graph does not take this token any more. @throws BatchPaused unless somebody has given another one meanwhile */
  refused(token: string): Promise<void>
}

export interface GraphRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the API's address, or a whole URL that Graph gave us. */
  url: string
  /** JSON, or bytes. */
  body?: object | Buffer
  headers?: Record<string, string>
  /** An upload session's own URL says who we are: with a token it may answer 401. */
  withoutToken?: boolean
}

export interface GraphAnswer {
  status: number
  body: GraphBody
  retryAfterMs: number | null
}

/** The fields of Graph's answers that are used. */
export interface GraphBody {
  id?: string
  name?: string
  size?: number
  webUrl?: string
  file?: { hashes?: { quickXorHash?: string } }
  uploadUrl?: string
  nextExpectedRanges?: string[]
  error?: { code?: string; message?: string }
}

export interface GraphClient {
  /** Asks again what failed in passing. @throws BatchPaused when OneDrive is full, shut, or stays silent */
  ask(request: GraphRequest, signal: AbortSignal): Promise<GraphAnswer>
  /** Asks once. @returns null when no answer came: it may have been done or not */
  send(request: GraphRequest, signal: AbortSignal): Promise<GraphAnswer | null>
  /** The content of a file. */
  download(url: string, signal: AbortSignal): Promise<Response>
}

/** Further goes at a request; their rests add up to some 25 s, and to as long as Graph says when it throttles. */
const tries = 8
const answerMs = 60_000

/** In bytes: more than Graph says of a thousand items. What is longer is not JSON any more, and says nothing. */
const longestAnswer = 4_194_304

/** @param baseUrl such as https://graph.microsoft.com/v1.0 */
export function createGraphClient(baseUrl: string, access: GraphAccess): GraphClient {
  const pace = createPace()

  async function request(
    { method, url, body, headers, withoutToken }: GraphRequest,
    signal: AbortSignal,
    redirect: 'manual' | 'follow' = 'manual',
  ) {
    await pace.wait(signal)
    const token = withoutToken ? null : await access.token()
    const isJson = body !== undefined && !Buffer.isBuffer(body)
    const answer = await fetch(url.startsWith('/') ? baseUrl + url : url, {
      method,
      redirect,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(isJson && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : new Uint8Array(body as Buffer) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    })
    if (answer.status === 401 && token !== null) await access.refused(token)
    return answer
  }

  const send: GraphClient['send'] = async (wanted, signal) => {
    try {
      const answer = await request(wanted, signal)
      const retryAfterMs = retryAfterOf(answer)
      const { text } = await readSome(answer.body, longestAnswer)
      const isThrottled = answer.status === 429 || (answer.status === 503 && retryAfterMs !== null)
      if (isThrottled) pace.hold(retryAfterMs ?? 1000)
      return { status: answer.status, body: (valueOfJson(text) ?? {}) as GraphBody, retryAfterMs }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof BatchPaused || !isNetworkFailure(error)) throw error
      return null
    }
  }

  return {
    send,
    async ask(wanted, signal) {
      for (let attempt = 1; ; attempt++) {
        const answer = await send(wanted, signal)
        if (answer?.status === 507) throw new BatchPaused(full(answer.body))
        if (answer !== null && !passes(answer.status)) return answer
        if (attempt === tries) throw new BatchPaused(silent(answer))
        if (answer?.status !== 401 && answer?.retryAfterMs == null)
          await rest(backoff(attempt), undefined, { signal })
      }
    },
    // Graph leads to where the content lies; fetch takes the token to no other host.
    download: (url, signal) => request({ method: 'GET', url }, signal, 'follow'),
  }
}

/** Throttled, failed on its side, or asked with a token that has been replaced since. */
function passes(status: number): boolean {
  return status === 401 || status === 429 || (status >= 500 && status !== 501)
}

/** One pace for all requests of a delivery: throttling is meant for the caller, not for the one request it is told to. */
function createPace() {
  let until = 0
  return {
    hold(ms: number): void {
      until = Math.max(until, performance.now() + ms)
    },
    async wait(signal: AbortSignal): Promise<void> {
      for (let ms = until - performance.now(); ms > 0; ms = until - performance.now())
        await rest(Math.ceil(ms), undefined, { signal })
    },
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3); five minutes at most, so that a wrong clock can't stop everything. */
function retryAfterOf({ headers }: Response): number | null {
  const text = headers.get('retry-after')
  if (text === null) return null
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), 300_000)
}

/** What fetch throws when there was no whole answer. */
function isNetworkFailure(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError')
}

export function full({ error }: GraphBody): string {
  return `OneDrive has no room left (507 ${error?.code ?? ''}). Make room there, then resume the batch.`
}

function silent(answer: GraphAnswer | null): string {
  const said = answer === null ? 'does not answer' : `answers ${reasonOf(answer)}`
  return `OneDrive ${said}, also after ${tries} tries. Resume the batch when it is well again.`
}

/** What Graph said, without what it may have repeated of the request. */
export function reasonOf({ status, body }: GraphAnswer): string {
  const code = body.error?.code
  return code === undefined || !/^[\w.-]{1,60}$/.test(code) ? String(status) : `${status} ${code}`
}
