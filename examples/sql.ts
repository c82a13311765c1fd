import pg from 'pg'

// node examples/sql.ts <postgres://…> <SQL>: does what an application does to its own database, and prints a result's rows.
const [url, text] = process.argv.slice(2)
const client = new pg.Client({ connectionString: url! })
await client.connect()
try {
  for (const { command, rowCount, rows } of [await client.query(text!)].flat())
    console.log(rows.length > 0 ? rows : `${command} ${rowCount ?? ''}`.trim())
} finally {
  await client.end()
}
