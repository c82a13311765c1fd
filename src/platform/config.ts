import { readFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { parseAllowedTargets, type AllowedTarget } from './allowed-targets.ts'
import { parseFailpoints, type ArmedFailpoint } from './failpoints.ts'

/** Everything the service reads from its environment, checked once at start. Times and sizes carry their unit. */
export interface Config {
  host: string
  port: number
  /** Absolute path. */
  home: string
  /** Null: an embedded PostgreSQL under `home`. */
  databaseUrl: string | null
  /** Connection strings of the applications' databases by source name, lower case. Empty: the sample source. */
  sources: Record<string, string>
  /** Absolute path of the folder with dataset files. Null: the examples when there is no source, else `./datasets`. */
  datasetsDirectory: string | null
  /** Where artifacts live: `file:` or `s3:`. */
  storeUrl: string
  /** Stores of the applications' own files, by name, lower case. */
  fileStores: Record<string, string>
  /** Absolute path of the folder that files may be delivered into. Null: none. */
  deliveryRoot: string | null
  /** Where Microsoft Graph answers; without a slash at its end. */
  graphApiUrl: string
  /** What secrets in the database are enciphered with. Null: a file under `home`. */
  secret: string | null
  bootstrapToken: string | null
  backupRetentionDays: number
  telegram: { botToken: string | null; chatId: string | null; apiUrl: string }
  smtpUrl: string | null
  notifyEmail: string | null
  /** What webhooks may be called. */
  webhookAllow: AllowedTarget[]
  /** What calls of batches' webhooks are signed with; null: they are not. */
  webhookSecret: string | null
  /** Where people reach the pages, for links in notices; without a slash at its end. */
  publicUrl: string | null
  timezone: string
  logLevel: string
  /** Requests that one user or token may make in a minute; 0 is no limit. */
  rateLimitPerMinute: number
  /** Names of proxies' addresses to believe X-Forwarded-* from; false believes nobody. */
  trustProxy: string | false
  /** Places where the process is made to die or fail, for tests. Null: none, as everywhere else. */
  failpoints: ArmedFailpoint[] | null
  /** For `${NAME:-default}` in dataset files only. */
  environment: Readonly<Record<string, string | undefined>>
  version: string
}

/** A wrong setting: its message is the one line that the start ends with. */
export class ConfigError extends Error {}

/**
 * Reads the configuration.
 * @param environment usually `process.env`
 * @throws ConfigError naming the variable that is wrong
 */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const read = (name: string) => environment[name]?.trim() || null
  const home = resolve(read('HOLDFAST_HOME') ?? '.holdfast')
  return {
    host: read('HOST') ?? '127.0.0.1',
    port: integer(environment, 'PORT', 3000, 0, 65_535),
    home,
    databaseUrl: postgresUrl(environment, 'DATABASE_URL'),
    sources: named(environment, /^HOLDFAST_SOURCE_([A-Z0-9_]+)_URL$/, postgresUrl),
    datasetsDirectory: read('HOLDFAST_DATASETS') === null ? null : resolve(read('HOLDFAST_DATASETS')!),
    storeUrl: storeUrl(environment, 'HOLDFAST_STORE_URL') ?? `file:${resolve(home, 'store')}`,
    fileStores: named(environment, /^HOLDFAST_STORE_([A-Z0-9_]+)_URL$/, storeUrl),
    deliveryRoot: read('HOLDFAST_DELIVERY_ROOT') === null ? null : resolve(read('HOLDFAST_DELIVERY_ROOT')!),
    graphApiUrl: (httpUrl(environment, 'GRAPH_API_URL') ?? 'https://graph.microsoft.com/v1.0').replace(
      /\/+$/,
      '',
    ),
    secret: longEnough('HOLDFAST_SECRET', read('HOLDFAST_SECRET')),
    bootstrapToken: longEnough('HOLDFAST_BOOTSTRAP_TOKEN', read('HOLDFAST_BOOTSTRAP_TOKEN')),
    backupRetentionDays: integer(environment, 'BACKUP_RETENTION_DAYS', 7, 1, 36_500),
    telegram: {
      botToken: read('TELEGRAM_BOT_TOKEN'),
      chatId: read('TELEGRAM_CHAT_ID'),
      apiUrl: httpUrl(environment, 'TELEGRAM_API_URL') ?? 'https://api.telegram.org',
    },
    smtpUrl: urlOf(environment, 'SMTP_URL', ['smtp:', 'smtps:']),
    notifyEmail: email(read('NOTIFY_EMAIL')),
    webhookAllow: allowedTargets(read('HOLDFAST_WEBHOOK_ALLOW') ?? ''),
    webhookSecret: read('HOLDFAST_WEBHOOK_SECRET'),
    publicUrl: httpUrl(environment, 'HOLDFAST_PUBLIC_URL')?.replace(/\/+$/, '') ?? null,
    timezone: timezone(read('TIMEZONE') ?? 'UTC'),
    logLevel: oneOf(
      environment,
      'LOG_LEVEL',
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'info',
    ),
    rateLimitPerMinute: integer(environment, 'HOLDFAST_RATE_LIMIT', 3000, 0, 1_000_000),
    trustProxy: proxies(read('TRUST_PROXY')),
    failpoints: failpoints(read),
    environment: { ...environment },
    version: packageVersion(),
  }
}

function integer(environment: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = environment[name]?.trim()
  if (!text) return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  return value
}

type Environment = Record<string, string | undefined>

function oneOf(environment: Environment, name: string, values: string[], fallback: string): string {
  const text = environment[name]?.trim()
  if (!text) return fallback
  if (!values.includes(text))
    throw new ConfigError(`${name} must be one of ${values.join(', ')}, not "${text}"`)
  return text
}

/** Never repeats the value: it may hold a password. */
function urlOf(environment: Environment, name: string, protocols: string[]): string | null {
  const text = environment[name]?.trim()
  if (!text) return null
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol))
    throw new ConfigError(
      `${name} must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    )
  return text
}

function postgresUrl(environment: Environment, name: string): string | null {
  return urlOf(environment, name, ['postgres:', 'postgresql:'])
}

function httpUrl(environment: Environment, name: string): string | null {
  return urlOf(environment, name, ['http:', 'https:'])
}

function storeUrl(environment: Environment, name: string): string | null {
  const text = environment[name]?.trim()
  if (!text) return null
  if (!/^(file|s3):./.test(text)) throw new ConfigError(`${name} must start with file: or s3:`)
  return text
}

function named(
  environment: Environment,
  pattern: RegExp,
  parse: (environment: Environment, name: string) => string | null,
): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of Object.keys(environment)) {
    const key = pattern.exec(name)?.[1]?.toLowerCase()
    const value = key === undefined ? null : parse(environment, name)
    if (key !== undefined && value !== null) found[key] = value
  }
  return found
}

function proxies(text: string | null): string | false {
  for (const proxy of text?.split(',') ?? []) {
    const [address = '', prefix = '0'] = proxy.trim().split('/')
    const isRange =
      isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv6(address) ? 128 : 32)
    if (!isRange && !['loopback', 'linklocal', 'uniquelocal'].includes(proxy.trim()))
      throw new ConfigError(
        `TRUST_PROXY must list addresses or ranges such as 10.0.0.0/8, not "${proxy.trim()}"`,
      )
  }
  return text ?? false
}

/** Takes two settings that nobody makes by accident, and never a production one. */
function failpoints(read: (name: string) => string | null): ArmedFailpoint[] | null {
  const text = read('HOLDFAST_FAILPOINTS')
  if (text === null) return null
  if (read('HOLDFAST_BREAK_ON_PURPOSE') !== 'yes' || read('NODE_ENV') === 'production')
    throw new ConfigError(
      'HOLDFAST_FAILPOINTS breaks the service on purpose; it needs HOLDFAST_BREAK_ON_PURPOSE=yes, and no NODE_ENV=production',
    )
  const list = parseFailpoints(text)
  if (typeof list !== 'string') return list
  throw new ConfigError(
    `HOLDFAST_FAILPOINTS must list failpoints such as snapshot.captured=kill, not "${list}"`,
  )
}

function longEnough(name: string, text: string | null): string | null {
  if (text !== null && text.length < 32) throw new ConfigError(`${name} must be at least 32 characters long`)
  return text
}

function email(text: string | null): string | null {
  if (text !== null && !/^[^\s@]+@[^\s@]+$/.test(text))
    throw new ConfigError(`NOTIFY_EMAIL must be an email address, not "${text}"`)
  return text
}

function allowedTargets(text: string): AllowedTarget[] {
  const targets = parseAllowedTargets(text)
  if (typeof targets !== 'string') return targets
  throw new ConfigError(
    `HOLDFAST_WEBHOOK_ALLOW must list hosts such as hooks.example.com:8443, not "${targets}"`,
  )
}

function timezone(text: string): string {
  try {
    Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch {
    throw new ConfigError(`TIMEZONE must be a time zone's name such as Europe/Paris, not "${text}"`)
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
