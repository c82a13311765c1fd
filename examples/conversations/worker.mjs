/**
 * Generates conversations as a worker of a Holdfast batch. Plain Node 20 or later, nothing to install. Start as many as you
 * like, on as many machines; kill any of them at any time, and start it again.
 *
 *   HOLDFAST_URL    http://127.0.0.1:3000
 *   HOLDFAST_TOKEN  an API token of the role operator
 *   BATCH           the batch's id
 *   OUT             the folder for the conversations, one file each; default conversations
 *   WORKER          what the worker calls itself; default its host and process id
 *   CHUNK           items to claim at a time; default 10
 *   LEASE_SECONDS   how long they are this worker's unless it renews; default 60
 *   EVERY           after how many items to report; default 1
 */
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { generateConversation } from './conversation.mjs'

const { HOLDFAST_URL: url = 'http://127.0.0.1:3000', HOLDFAST_TOKEN: token, BATCH: batch } = process.env
const out = process.env.OUT ?? 'conversations'
const worker = process.env.WORKER ?? `${hostname()} ${process.pid}`
const limit = Number(process.env.CHUNK ?? 10)
const leaseSeconds = Number(process.env.LEASE_SECONDS ?? 60)
const every = Number(process.env.EVERY ?? 1)

let isStopping = false
process.on('SIGTERM', () => (isStopping = true))
process.on('SIGINT', () => (isStopping = true))
await main()

async function main() {
  await mkdir(out, { recursive: true })
  while (!isStopping) {
    const claim = await post('claims', { worker, limit, leaseSeconds }, { prefer: 'wait=30' })
    if (claim.lease !== null) await workOn(claim)
    else if (claim.batch.finishedAt !== null) return
  }
}

/** Does the items of a claim, reporting as it goes; renews the lease meanwhile, and gives back what it doesn't do. */
async function workOn({ lease, items }) {
  let isLost = false
  const renew = async () => {
    const answer = await post('renewals', { lease, leaseSeconds })
    if (answer.code === 'LEASE_LOST') isLost = true
  }
  const timer = setInterval(() => void renew(), (leaseSeconds * 1000) / 3)
  let report = { lease, completed: [], failed: [] }
  const send = async () => {
    const { refused } = await post('checkpoints', report)
    if (refused.some(({ code }) => code === 'LEASE_LOST')) isLost = true
    report = { lease, completed: [], failed: [] }
  }
  for (const item of items) {
    if (isStopping || isLost) break
    await generate(item, report)
    if (report.completed.length + report.failed.length >= every) await send()
  }
  if (report.completed.length + report.failed.length > 0) await send()
  clearInterval(timer)
  if (isStopping) await post('releases', { lease })
}

/** The file is there whole or not at all, and writing it again changes nothing: the effect happens once. */
async function generate(item, report) {
  try {
    const conversation = generateConversation(item)
    const file = join(out, `${encodeURIComponent(item.id)}.json`)
    await writeFile(`${file}.${process.pid}`, JSON.stringify(conversation))
    await rename(`${file}.${process.pid}`, file)
    await appendFile(join(out, 'generated.log'), `${item.id}\n`)
    report.completed.push({ id: item.id, result: { turns: conversation.turns.length } })
  } catch (error) {
    report.failed.push({ id: item.id, error: error.message })
  }
}

/** Asks until there is an answer: every call of a worker may be repeated. */
async function post(what, body, headers = {}) {
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      const answer = await fetch(`${url}/api/batches/${batch}/${what}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      const said = await answer.json()
      if (answer.ok || said.code === 'LEASE_LOST') return said
      if (answer.status < 500 && answer.status !== 429) fail(`${what}: ${said.code} ${said.detail}`)
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error // those mean: no answer
    }
    await rest(waitMs)
  }
}

function fail(words) {
  process.stderr.write(`${words}\n`)
  process.exit(1)
}
