import type { Config } from '../platform/config.ts'
import { redactText } from '../platform/redact.ts'
import { causesOf, DeliveryFailure, neverConnected } from './delivery-failure.ts'

export interface Mail {
  /** Stays the same when it is sent again, so that mailboxes can tell. */
  id: string
  to: string[]
  subject: string
  text: string
  date: Date
}

/**
 * Hands a mail to the SMTP server.
 * @returns what the server said
 * @throws DeliveryFailure: permanent for 5xx answers, temporary for 4xx ones (RFC 5321, section 4.2.1)
 */
export async function sendEmail(
  { smtpUrl, notifyEmail }: Pick<Config, 'smtpUrl' | 'notifyEmail'>,
  { id, to, subject, text, date }: Mail,
): Promise<string> {
  if (smtpUrl === null)
    throw new DeliveryFailure('EMAIL_NOT_CONFIGURED', 'There is no mail server: set SMTP_URL.', {
      temporary: false,
    })
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    url: smtpUrl,
    ...{ connectionTimeout: 8000, greetingTimeout: 8000, socketTimeout: 15_000, dnsTimeout: 8000 },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
  try {
    const sent = await transport.sendMail({
      from: { name: 'Holdfast', address: senderOf(smtpUrl, notifyEmail) },
      ...{ to, subject, text, date, html: htmlOf(subject, text) },
      messageId: `<${id}@holdfast>`,
      headers: { 'auto-submitted': 'auto-generated', 'x-holdfast-notice': id },
    })
    const refused = sent.rejected.map(String)
    return `${sent.response.slice(0, 300)}${refused.length > 0 ? ` Refused for ${refused.join(', ')}.` : ''}`
  } catch (error) {
    throw failure(error, smtpUrl)
  } finally {
    transport.close()
  }
}

/** The mailbox that signs in at the server, else the one that is notified. */
function senderOf(smtpUrl: string, notifyEmail: string | null): string {
  const { username, hostname } = new URL(smtpUrl)
  const user = decodeURIComponent(username)
  return user.includes('@') ? user : (notifyEmail ?? `holdfast@${hostname}`)
}

function htmlOf(subject: string, text: string): string {
  const paragraphs = text.split('\n').map((line) => `<p>${linked(escaped(line))}</p>`)
  return `<!doctype html><html lang="en"><body><h1 style="font-size:1.2em">${escaped(subject)}</h1>${paragraphs.join('')}</body></html>`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character]!)
}

/** A line that is an address and nothing else. */
function linked(line: string): string {
  return /^https?:\/\/\S+$/.test(line) ? `<a href="${line}">${line}</a>` : line
}

function failure(error: unknown, smtpUrl: string): DeliveryFailure {
  const { responseCode, message } = error as { responseCode?: number; message: string }
  const code = String(causesOf(error)[0]?.code ?? '')
  const detail = `The mail server: ${withoutPassword(message, smtpUrl).slice(0, 300)}.`
  if (responseCode !== undefined && responseCode >= 500)
    return new DeliveryFailure(code === 'EAUTH' ? 'EMAIL_SIGN_IN_REFUSED' : 'EMAIL_REFUSED', detail, {
      temporary: false,
    })
  if (responseCode !== undefined && responseCode >= 400)
    return new DeliveryFailure('EMAIL_DEFERRED', detail, {
      temporary: true,
      pausesLane: responseCode === 421,
    })
  return new DeliveryFailure('EMAIL_UNREACHABLE', detail, {
    ...{ temporary: true, pausesLane: true },
    mayHaveArrived: !neverConnected(error) && (error as { command?: string }).command !== 'CONN',
  })
}

/** A server may repeat what it was given. */
function withoutPassword(text: string, smtpUrl: string): string {
  const { password, username } = new URL(smtpUrl)
  const plain = decodeURIComponent(password)
  if (plain === '') return redactText(text)
  const encoded = [plain, password, `\0${decodeURIComponent(username)}\0${plain}`].flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64'),
  ])
  return redactText(encoded.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text))
}
