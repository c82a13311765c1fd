import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'

export interface MailServer {
  /** For SMTP_URL, with the credentials that it wants. */
  url: string
  inbox: ParsedMail[]
  /** What the next recipients are answered, such as `[452, 'mailbox full']`; each is used once. */
  refuse(...answers: [code: number, text: string][]): void
}

const [user, password] = ['mailer@example.com', 'canary-smtp-password']

/** A real SMTP server that wants to be signed in to, and keeps what it is sent. */
export async function mailServer(t: Test): Promise<MailServer> {
  const inbox: ParsedMail[] = []
  const refusals: [number, string][] = []
  const keep = async (stream: Readable, done: (error?: Error) => void) => {
    inbox.push(await simpleParser(stream))
    done()
  }
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (given, _session, done) =>
      given.username === user && given.password === password
        ? done(null, { user })
        : done(Object.assign(new Error(`no such user or password ${given.password}`), { responseCode: 535 })),
    onRcptTo: (_address, _session, done) => {
      const [code, text] = refusals.shift() ?? []
      done(code === undefined ? null : Object.assign(new Error(text), { responseCode: code }))
    },
    onData: (stream, _session, done) => void keep(stream, done),
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.teardown(() => new Promise<void>((gone) => server.close(() => gone())))
  const { port } = server.server.address() as AddressInfo
  const url = `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`
  return { url, inbox, refuse: (...answers) => void refusals.push(...answers) }
}
