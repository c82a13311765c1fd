import pg from 'pg'
import { generateConversation } from './conversation.mjs'

/**
 * Generates conversations into the database, as a worker of a Holdfast batch: worker.mjs with PostgreSQL where that one has
 * files. Kill it at any time and start it again: an item that is done twice still leaves one conversation, by the unique
 * column batch_item.
 *
 *   HOLDFAST_URL, HOLDFAST_TOKEN, BATCH, SOURCE_URL
 */
const { HOLDFAST_URL: url, HOLDFAST_TOKEN: token, BATCH: batch, SOURCE_URL: source } = process.env

const client = new pg.Client({ connectionString: source })
await client.connect()
for (;;) {
  const claim = await post('claims', { worker: `database ${process.pid}`, limit: 10, leaseSeconds: 5 })
  if (claim.lease !== null) for (const item of claim.items) await workOn(item, claim.lease)
  else if (claim.batch.finishedAt !== null) break
}
await client.end()

/** Writes one conversation, and saves the progress. */
async function workOn(item, lease) {
  try {
    await write(item)
    await post('checkpoints', { lease, completed: [item.id] })
  } catch (error) {
    await post('checkpoints', { lease, failed: [{ id: item.id, error: error.message }] })
  }
}

/** One statement: the conversation and its turns, or nothing when they are there already. */
async function write(item) {
  const { persona, turns } = generateConversation(item)
  await client.query(
    `WITH conversation AS (
       INSERT INTO conversations.conversations (title, persona, content, batch_item) VALUES ($1, $2, $3, $4)
       ON CONFLICT (batch_item) DO NOTHING RETURNING id)
     INSERT INTO conversations.turns (conversation_id, sequence, role, content)
     SELECT id, sequence, role, turn.content FROM conversation,
       json_to_recordset($5) AS turn (sequence integer, role text, content text)`,
    [
      item.payload?.topic,
      persona,
      turns.map(({ content }) => content).join('\n'),
      item.id,
      JSON.stringify(turns),
    ],
  )
}

/** Asks, and waits for items when there are none. */
async function post(what, body) {
  const answer = await fetch(`${url}/api/batches/${batch}/${what}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      prefer: 'wait=5',
    },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}
