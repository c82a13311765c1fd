import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import pg from 'pg'

// The least that lists and details could be: Fastify, a pool of the service's size, and the statements in the file
// `STATEMENTS`, by the addresses that they answer.
const statements = JSON.parse(readFileSync(process.env['STATEMENTS']!, 'utf8')) as Record<string, string[]>
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 })
const app = Fastify()

/** How many items a page of a list has. */
const pageSize = 50

app.get('/readyz', async () => (await pool.query('SELECT 1')).rows)
app.get('*', async ({ url }) => {
  let rows: unknown[] = []
  for (const sql of statements[url]!) rows = (await pool.query(sql)).rows as unknown[]
  return rows.slice(0, pageSize)
})
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) })
process.on('SIGTERM', () => process.exit())
