/**
 * Generates conversations as the webhook of a Holdfast batch: an HTTP server that is sent one item per call. Plain Node 20 or
 * later, nothing to install.
 *
 *   PORT    where to listen; default 4000, on 127.0.0.1
 *   OUT     the folder for the conversations, one file each; default conversations
 *   SECRET  HOLDFAST_WEBHOOK_SECRET of the service; without it nobody's signature is asked for
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { generateConversation } from './conversation.mjs'

const { PORT: port = '4000', OUT: out = 'conversations', SECRET: secret } = process.env

await mkdir(out, { recursive: true })
createServer((request, response) => void answer(request, response)).listen(
  Number(port),
  '127.0.0.1',
  function () {
    process.stdout.write(`receiving at http://127.0.0.1:${this.address().port}\n`)
  },
)

async function answer(request, response) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const [status, said] = await judge(request, body)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
}

/** 2xx: done. 4xx: will never be. 5xx: try again later. */
async function judge({ headers }, body) {
  if (secret !== undefined && !isSigned(headers['holdfast-signature'], body))
    return [401, { error: 'signature' }]
  const { item } = JSON.parse(body.toString())
  try {
    return [200, { turns: (await generateOnce(headers['idempotency-key'], item)).turns.length }]
  } catch (error) {
    return [422, { error: error.message }]
  }
}

/** The same key may come again, since its answer may have been lost: then what was made is still there. */
async function generateOnce(key, item) {
  const file = join(out, `${encodeURIComponent(key)}.json`)
  const made = await readFile(file, 'utf8').catch(() => null)
  if (made !== null) return JSON.parse(made)
  const conversation = generateConversation(item)
  await writeFile(`${file}.part`, JSON.stringify(conversation))
  await rename(`${file}.part`, file)
  return conversation
}

/** `t=<seconds>,v1=<hex>` over time, dot and body; not older than five minutes. */
function isSigned(signature = '', body) {
  const [, time, hash] = /^t=(\d+),v1=([\da-f]{64})$/.exec(signature) ?? []
  if (time === undefined || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest()
  return timingSafeEqual(expected, Buffer.from(hash, 'hex'))
}
