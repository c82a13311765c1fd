import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres.ts'
import { silent } from './home.ts'

// A service that has nothing but its database: `service.ts <home>`. Says a JSON line once it is up, or why it isn't.
try {
  const server = await startEmbeddedPostgres({ home: process.argv[2]!, log: silent })
  process.on('SIGINT', () => process.stdout.write('interrupted\n'))
  process.on('SIGTERM', () => void server.stop())
  process.stdout.write(`${JSON.stringify({ url: server.url('holdfast'), adopted: server.adopted })}\n`)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: (error as Error).message })}\n`)
}
