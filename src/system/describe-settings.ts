import type { AllowedTarget } from '../platform/allowed-targets.ts'
import type { Config } from '../platform/config.ts'

/** What a secret is shown as. */
const given = (value: string | null) => (value === null ? null : '(set)')

/**
 * The settings that hold, by the names that they have in the environment, without secrets: addresses of databases and
 * mail servers have passwords in them, so of those it says only that they are set. Null: not set.
 */
export function describeSettings(config: Config): { name: string; value: string | null }[] {
  const { telegram } = config
  const settings: [string, string | number | false | null][] = [
    ['HOST', config.host],
    ['PORT', config.port],
    ['HOLDFAST_HOME', config.home],
    ['DATABASE_URL', given(config.databaseUrl)],
    ...Object.keys(config.sources).map((name): [string, string] => [
      `HOLDFAST_SOURCE_${name.toUpperCase()}_URL`,
      '(set)',
    ]),
    ['HOLDFAST_DATASETS', config.datasetsDirectory],
    ['HOLDFAST_DELIVERY_ROOT', config.deliveryRoot],
    ['HOLDFAST_PUBLIC_URL', withoutPassword(config.publicUrl)],
    ['HOLDFAST_RATE_LIMIT', config.rateLimitPerMinute],
    ['HOLDFAST_SECRET', given(config.secret)],
    ['HOLDFAST_BOOTSTRAP_TOKEN', given(config.bootstrapToken)],
    ['HOLDFAST_WEBHOOK_ALLOW', config.webhookAllow.map(wordTarget).join(', ') || null],
    ['HOLDFAST_WEBHOOK_SECRET', given(config.webhookSecret)],
    ['BACKUP_RETENTION_DAYS', config.backupRetentionDays],
    ['TELEGRAM_BOT_TOKEN', given(telegram.botToken)],
    ['TELEGRAM_CHAT_ID', telegram.chatId],
    ['SMTP_URL', given(config.smtpUrl)],
    ['NOTIFY_EMAIL', config.notifyEmail],
    ['GRAPH_API_URL', withoutPassword(config.graphApiUrl)],
    ['TIMEZONE', config.timezone],
    ['LOG_LEVEL', config.logLevel],
    ['TRUST_PROXY', config.trustProxy || null],
  ]
  return settings.map(([name, value]) => ({ name, value: value === null ? null : String(value) }))
}

function wordTarget({ host, port, mayBePrivate }: AllowedTarget): string {
  return `${host}${port === null ? '' : `:${port}`}${mayBePrivate ? '+private' : ''}`
}

function withoutPassword(address: string | null): string | null {
  if (address === null) return null
  const url = new URL(address)
  url.username = url.password = ''
  return url.href
}
