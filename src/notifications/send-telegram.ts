import { valueOfJson } from '../platform/json-text.ts'
import { readSome } from '../platform/read-some.ts'
import type { Channel } from './channels.ts'
import { causesOf, DeliveryFailure, neverConnected, retryAfterMs } from './delivery-failure.ts'

/** A message's most, in characters (core.telegram.org/bots/api#sendmessage). */
const longest = 4096

/** What every answer of the Bot API looks like (core.telegram.org/bots/api#making-requests). */
interface Answer {
  ok?: boolean
  result?: { message_id?: number }
  error_code?: number
  description?: string
  parameters?: { retry_after?: number; migrate_to_chat_id?: number }
}

/**
 * Sends a message through the Bot API, as plain text. The token is part of the address: it stays out of every error.
 * @returns what Telegram said
 * @throws DeliveryFailure; what aborted `signal`
 */
export async function sendTelegram(
  { chatId, botToken }: Extract<Channel, { kind: 'telegram' }>,
  text: string,
  { apiUrl, now, signal }: { apiUrl: string; now: Date; signal: AbortSignal },
): Promise<string> {
  if (botToken === null) {
    const detail =
      'There is no bot token: set TELEGRAM_BOT_TOKEN, or `notify.telegram.botToken` of the dataset.'
    throw new DeliveryFailure('TELEGRAM_TOKEN_MISSING', detail, { temporary: false })
  }
  if (!/^[\w:-]+$/.test(botToken)) {
    const detail = 'The bot token is not one: it looks like 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw.'
    throw new DeliveryFailure('TELEGRAM_TOKEN_INVALID', detail, { temporary: false })
  }
  const response = await post(
    `${apiUrl.replace(/\/+$/, '')}/bot${botToken}/sendMessage`,
    messageTo(chatId, text),
    signal,
  )
  if (response.answer?.ok === true) return `Message ${response.answer.result?.message_id ?? 'sent'}.`
  throw refusal(response, botToken, now)
}

function messageTo(chatId: string, text: string) {
  return {
    chat_id: /^-?\d{1,15}$/.test(chatId) ? Number(chatId) : chatId,
    text: text.length > longest ? `${text.slice(0, longest - 1).toWellFormed()}…` : text,
    link_preview_options: { is_disabled: true },
  }
}

interface Response {
  status: number
  retryAfter: string | null
  /** Null when it is no JSON: something else than the Bot API answered. */
  answer: Answer | null
}

/** In bytes; the Bot API's own are a hundredth of it. */
const longestAnswer = 65_536

async function post(url: string, body: object, signal: AbortSignal): Promise<Response> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal,
    })
    const { text } = await readSome(response.body, longestAnswer)
    const answer = (valueOfJson(text) ?? null) as Answer | null
    return { status: response.status, retryAfter: response.headers.get('retry-after'), answer }
  } catch (error) {
    signal.throwIfAborted()
    const code =
      causesOf(error)
        .map((cause) => cause.code)
        .find((one) => typeof one === 'string') ?? 'no connection'
    throw new DeliveryFailure('TELEGRAM_UNREACHABLE', `Telegram could not be reached: ${String(code)}.`, {
      temporary: true,
      pausesLane: true,
      mayHaveArrived: !neverConnected(error),
    })
  }
}

function refusal({ status, retryAfter, answer }: Response, token: string, now: Date): DeliveryFailure {
  const {
    error_code: code = status,
    description = 'an answer that is not the Bot API’s',
    parameters,
  } = answer ?? {}
  const said = `Telegram said ${code}: ${description.replaceAll(token, '[redacted]').slice(0, 300)}.`
  if (answer === null || code >= 500)
    return new DeliveryFailure('TELEGRAM_UNREACHABLE', said, {
      temporary: true,
      pausesLane: true,
      mayHaveArrived: true,
    })
  if (code === 429) {
    const rest = parameters?.retry_after
    const retryAfter_ = rest === undefined ? retryAfterMs(retryAfter, now) : rest * 1000
    return new DeliveryFailure('TELEGRAM_BUSY', said, {
      temporary: true,
      pausesLane: true,
      retryAfterMs: retryAfter_,
    })
  }
  if (code === 401 || code === 404)
    return new DeliveryFailure('TELEGRAM_TOKEN_INVALID', `${said} The bot token is not right.`, {
      temporary: false,
    })
  const moved = parameters?.migrate_to_chat_id
  const hint = moved === undefined ? '' : ` The group has become a supergroup: its chat id is ${moved} now.`
  return new DeliveryFailure('TELEGRAM_REFUSED', said + hint, { temporary: false })
}
