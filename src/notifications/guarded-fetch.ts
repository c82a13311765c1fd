import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Agent, request } from 'undici'
import { allowedTarget, hostOf } from '../platform/allowed-targets.ts'
import { Problem } from '../platform/errors.ts'
import { readSome } from '../platform/read-some.ts'
import { redactText } from '../platform/redact.ts'
import { causesOf } from './delivery-failure.ts'
import { notificationProblems } from './errors.ts'
import { kindOfAddress } from './private-addresses.ts'

export interface GuardedRequest {
  method?: 'GET' | 'POST' | 'PUT'
  headers?: Record<string, string>
  body?: string | Buffer
  signal?: AbortSignal
  /** For the whole exchange. Default 10 s. */
  timeoutMs?: number
  /** What is kept of the answer's body; the rest is cut off. Default 64 KiB. */
  maxBytes?: number
}

export interface GuardedAnswer {
  status: number
  /** 200 to 299. A redirect is not followed, and not ok. */
  ok: boolean
  /** Names in lower case; a header that came several times, joined by commas. */
  headers: Record<string, string>
  text: string
  /** The body was longer than `maxBytes`. */
  cut: boolean
}

/** What requests to webhooks go out on. */
export interface Outbound {
  /** Loaded at the first call: a service that calls no webhook does without its memory. */
  client(): Promise<Client>
  close(): Promise<void>
}

interface Client {
  request: typeof request
  /** For names that must resolve to public addresses, and for those that may be inside the network. */
  agents: { public: Agent; private: Agent }
}

declare module 'fastify' {
  interface FastifyInstance {
    outbound: Outbound
  }
}

/** @param lookup resolves names; the system's own unless a test brings one */
export function openOutbound(lookup: LookupFunction = systemLookup as LookupFunction): Outbound {
  let loaded: Promise<Client> | null = null
  return {
    client: () => (loaded ??= loadClient(lookup)),
    async close() {
      if (loaded !== null) await Promise.all(Object.values((await loaded).agents).map((one) => one.destroy()))
    },
  }
}

async function loadClient(lookup: LookupFunction): Promise<Client> {
  const { Agent, request } = await import('undici')
  const agent = (mayBePrivate: boolean) =>
    new Agent({ connect: { lookup: checking(lookup, mayBePrivate), timeout: 10_000 }, pipelining: 1 })
  return { request, agents: { public: agent(false), private: agent(true) } }
}

class ForbiddenAddress extends Error {}

/**
 * Resolves a name for a connection that is about to be opened, and gives only addresses that may be connected to: what is
 * checked is what is connected to, so a name that resolves to something else a moment later gains nothing.
 */
function checking(lookup: LookupFunction, mayBePrivate: boolean): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const addresses = found as LookupAddress[]
      const wrong = addresses.find(({ address }) => !isFit(address, mayBePrivate))
      if (wrong !== undefined || addresses.length === 0) {
        const what = wrong === undefined ? 'no address' : `${wrong.address}, which is not on the internet`
        return callback(new ForbiddenAddress(`${hostname} resolves to ${what}`), '')
      }
      if (options.all) return callback(null, addresses)
      callback(null, addresses[0]!.address, addresses[0]!.family)
    })
}

function isFit(address: string, mayBePrivate: boolean): boolean {
  const kind = kindOfAddress(address)
  return kind === 'public' || (kind === 'private' && mayBePrivate)
}

/** Whether a URL may be called, by HOLDFAST_WEBHOOK_ALLOW alone; what its name resolves to shows at the call. */
export function isAllowedTarget({ config }: Pick<FastifyInstance, 'config'>, url: string): boolean {
  if (!URL.canParse(url)) return false
  const target = new URL(url)
  return isHttp(target) && allowedTarget(config.webhookAllow, target) !== null
}

/**
 * Calls a webhook: only hosts on the allowlist, only addresses that the entry allows, no redirects followed, in a limited
 * time, keeping a limited part of the answer. Any answer is an answer, whatever its status.
 * @throws Problem WEBHOOK_NOT_ALLOWED; WEBHOOK_UNREACHABLE when there was no answer, in time or at all. When `signal`
 *   aborts: its reason
 */
export async function guardedFetch(
  app: Pick<FastifyInstance, 'config' | 'outbound'>,
  url: string,
  { method = 'POST', headers = {}, body, signal, timeoutMs = 10_000, maxBytes = 65_536 }: GuardedRequest = {},
): Promise<GuardedAnswer> {
  const { target, among } = requireAllowed(app, url)
  const { request, agents } = await app.outbound.client()
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await request(target, {
      ...{
        method,
        dispatcher: agents[among],
        signal: AbortSignal.any([timeout, ...(signal ? [signal] : [])]),
      },
      headers: { 'user-agent': `Holdfast/${app.config.version}`, ...headers },
      ...(body !== undefined && { body }),
    })
    const { text, cut } = await readSome(answer.body, maxBytes)
    const { statusCode: status } = answer
    return { status, ok: status >= 200 && status < 300, headers: flat(answer.headers), text, cut }
  } catch (error) {
    signal?.throwIfAborted()
    throw failure(target, error, timeout.aborted ? timeoutMs : null)
  }
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function requireAllowed(
  { config }: Pick<FastifyInstance, 'config'>,
  url: string,
): { target: URL; among: keyof Client['agents'] } {
  const target = URL.canParse(url) ? new URL(url) : null
  if (target === null || !isHttp(target) || target.username !== '' || target.password !== '')
    throw notificationProblems.WEBHOOK_NOT_ALLOWED(
      'A webhook is an http or https URL without credentials in it.',
    )
  const allowed = allowedTarget(config.webhookAllow, target)
  if (allowed === null)
    throw notificationProblems.WEBHOOK_NOT_ALLOWED(`HOLDFAST_WEBHOOK_ALLOW does not have ${target.host}.`)
  // A connection to an address resolves nothing: the entry that names it has allowed it.
  return { target, among: allowed.mayBePrivate || isIP(hostOf(target)) !== 0 ? 'private' : 'public' }
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  )
}

/** Says the host, never the path: it may hold a secret. */
function failure({ host }: URL, error: unknown, timeoutMs: number | null): Problem {
  if (timeoutMs !== null)
    return notificationProblems.WEBHOOK_UNREACHABLE(`${host} did not answer within ${timeoutMs / 1000} s.`)
  const forbidden = causesOf(error).find((one) => one instanceof ForbiddenAddress)
  if (forbidden !== undefined) return notificationProblems.WEBHOOK_NOT_ALLOWED(`${forbidden.message}.`)
  const words =
    causesOf(error)
      .map(({ message }) => message)
      .find((text) => text !== '') ?? 'no connection'
  return notificationProblems.WEBHOOK_UNREACHABLE(`${host} could not be reached: ${redactText(words)}`, {
    cause: error,
  })
}
