import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

/** A message as it came in. */
export interface TelegramMessage {
  chatId: number | string
  text: string
}

/**
 * How the next request is answered: throttled, by a broken gateway, or taken without an answer: the
 * connection lost, or left open for ever once `reached` was told.
 */
export type Misbehaviour =
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'bad gateway' }
  | { kind: 'connection lost after success' }
  | { kind: 'never answered'; reached: () => void }

export interface TelegramServer {
  url: string
  /** Messages that were accepted, in order. */
  sent: TelegramMessage[]
  /** All requests, those that were refused too. */
  requests: number
  /** Queued: each is used once. */
  misbehave(...how: Misbehaviour[]): void
}

/** Chats that a test's bot may write to, and those it may not any more. */
const chats = new Set<unknown>([-100200300, 4711])
const blocked = new Set<unknown>([13])
const migrated = new Map<unknown, number>([[-42, -1000000000042]])

/**
 * A stand-in for the Bot API: `sendMessage` as core.telegram.org/bots/api documents it, with its errors and its throttling.
 * @param token of the one bot there is
 */
export async function telegramServer(t: Test, token: string): Promise<TelegramServer> {
  const queue: Misbehaviour[] = []
  const state: TelegramServer = { url: '', sent: [], requests: 0, misbehave: (...how) => queue.push(...how) }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return state

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    state.requests += 1
    const body = await text(request)
    const how = queue.shift()
    if (how?.kind === 'bad gateway')
      return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>')
    if (how?.kind === 'throttled')
      return refuse(response, 429, `Too Many Requests: retry after ${how.retryAfter}`, {
        retry_after: how.retryAfter,
      })
    const refusal = judge(request, body, token)
    if (refusal !== null) return refuse(response, ...refusal)
    const { chat_id: chatId, text: said } = JSON.parse(body) as { chat_id: number; text: string }
    state.sent.push({ chatId, text: said })
    if (how?.kind === 'connection lost after success') return void response.destroy()
    if (how?.kind === 'never answered') return how.reached()
    const result = {
      message_id: state.sent.length,
      date: 1_763_632_800,
      chat: { id: chatId, type: 'group' },
      text: said,
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ok: true, result }))
  }
}

type Refusal = [code: number, description: string, parameters?: object]

function judge({ method, url = '', headers }: IncomingMessage, body: string, token: string): Refusal | null {
  const [, used, called] = /^\/bot([^/]+)\/(\w+)$/.exec(url) ?? []
  if (used === undefined || !/^\d+:[\w-]{30,}$/.test(used)) return [404, 'Not Found']
  if (used !== token) return [401, 'Unauthorized']
  if (method !== 'POST' || called?.toLowerCase() !== 'sendmessage') return [404, 'Not Found']
  if (headers['content-type'] !== 'application/json') return [400, 'Bad Request: message text is empty']
  const { chat_id: chat, text: said = '' } = JSON.parse(body) as { chat_id?: unknown; text?: string }
  if (chat === undefined) return [400, 'Bad Request: chat_id is empty']
  if (migrated.has(chat))
    return [
      400,
      'Bad Request: group chat was upgraded to a supergroup chat',
      { migrate_to_chat_id: migrated.get(chat) },
    ]
  if (blocked.has(chat)) return [403, 'Forbidden: bot was blocked by the user']
  if (!chats.has(chat)) return [400, 'Bad Request: chat not found']
  if (said.trim() === '') return [400, 'Bad Request: message text is empty']
  return said.length > 4096 ? [400, 'Bad Request: message is too long'] : null
}

function refuse(response: ServerResponse, ...[code, description, parameters]: Refusal): void {
  const answer = { ok: false, error_code: code, description, ...(parameters && { parameters }) }
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}
