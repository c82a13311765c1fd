import { buildApp } from './app.ts'
import { ConfigError, readConfig } from './platform/config.ts'

try {
  const config = readConfig()
  if (config.databaseUrl === null) throw new ConfigError('DATABASE_URL must be set')
  const app = await buildApp({
    config: { ...config, databaseUrl: config.databaseUrl },
    logger: { level: config.logLevel },
  })
  await app.listen({ host: config.host, port: config.port })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  console.error(`holdfast: ${error.message}`)
  process.exitCode = 1
}
