import { resolve } from 'node:path'
import t from 'tap'
import { ConfigError, readConfig } from '../../src/platform/config.ts'

t.test('without any setting there is a sensible one for everything', async (t) => {
  t.match(readConfig({}), {
    host: '127.0.0.1',
    port: 3000,
    home: resolve('.holdfast'),
    databaseUrl: null,
    sources: {},
    datasetsDirectory: null,
    storeUrl: `file:${resolve('.holdfast/store')}`,
    backupRetentionDays: 7,
    timezone: 'UTC',
    rateLimitPerMinute: 3000,
    trustProxy: false,
  })
})

t.test('settings are taken as they are written, blanks aside', async (t) => {
  const config = readConfig({
    PORT: ' 8080 ',
    HOLDFAST_SOURCE_APP_URL: 'postgres://app@db/app',
    HOLDFAST_SOURCE_SECOND_ONE_URL: 'postgresql://db/two',
    HOLDFAST_STORE_DOCS_URL: 's3://bucket/docs',
    TRUST_PROXY: '10.0.0.0/8, ::1,loopback',
    HOLDFAST_RATE_LIMIT: '0',
    TIMEZONE: 'Asia/Kuala_Lumpur',
    NOTIFY_EMAIL: '',
  })
  t.match(config, {
    port: 8080,
    sources: { app: 'postgres://app@db/app', second_one: 'postgresql://db/two' },
    fileStores: { docs: 's3://bucket/docs' },
    trustProxy: '10.0.0.0/8, ::1,loopback',
    rateLimitPerMinute: 0,
    timezone: 'Asia/Kuala_Lumpur',
    notifyEmail: null,
  })
})

t.test('a wrong setting is one line that names it, and never repeats a secret', async (t) => {
  const wrong: [string, string][] = [
    ['PORT', '70000'],
    ['PORT', '3e3'],
    ['DATABASE_URL', 'mysql://root:canary@db'],
    ['HOLDFAST_SOURCE_APP_URL', 'canary'],
    ['HOLDFAST_STORE_URL', 'ftp://canary'],
    ['HOLDFAST_STORE_DOCS_URL', 'canary'],
    ['HOLDFAST_BOOTSTRAP_TOKEN', 'canary'],
    ['BACKUP_RETENTION_DAYS', '0'],
    ['HOLDFAST_RATE_LIMIT', '-1'],
    ['SMTP_URL', 'http://canary@mail'],
    ['TELEGRAM_API_URL', 'telegram'],
    ['NOTIFY_EMAIL', 'nobody'],
    ['TIMEZONE', 'Mars/Olympus'],
    ['LOG_LEVEL', 'loud'],
    ['TRUST_PROXY', 'proxy.local'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.1,'],
  ]
  for (const [name, value] of wrong) {
    const error = refusal({ [name]: value })
    t.ok(error instanceof ConfigError, name)
    t.match(error.message, new RegExp(`^${name} [^\\n]+$`))
    t.notMatch(error.message, 'canary')
  }
})

function refusal(environment: Record<string, string>): Error {
  try {
    return new Error(`was taken: ${JSON.stringify(readConfig(environment).port)}`)
  } catch (error) {
    return error as Error
  }
}
