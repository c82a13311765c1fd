import { Agent, get } from 'node:http'
import { setTimeout as rest } from 'node:timers/promises'

/*
 * Asks an address evenly, as a process of its own: node paced-load.ts URL CLIENTS REQUESTS_A_SECOND SECONDS TOKEN.
 * Autocannon sends what a second allows in one go at its start, which is no calmer than flat out. Latency counts from
 * when a request was due, so that a client that waits for its last answer doesn't hide the time. The first two seconds
 * aren't counted: this process is slow itself until its code is compiled. Prints the 99th percentile in milliseconds.
 */
const [url, clients, rate, seconds, token] = process.argv.slice(2) as [string, string, string, string, string]
const headers = { authorization: `Bearer ${token}` }
const apartMs = (1000 * Number(clients)) / Number(rate)
const warmMs = 2000
const taken: number[] = []

await Promise.all(Array.from({ length: Number(clients) }, (_, n) => askEvenly(n)))
taken.sort((a, b) => a - b)
process.stdout.write(JSON.stringify({ p99: taken[Math.ceil(taken.length * 0.99) - 1] }))

/** One client over one connection. */
async function askEvenly(n: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  await ask(agent)
  const first = performance.now() + (apartMs * (n + 1)) / Number(clients)
  const counted = first + warmMs
  for (let due = first; due < counted + Number(seconds) * 1000; due += apartMs) {
    await rest(Math.max(0, due - performance.now()))
    await ask(agent)
    if (due >= counted) taken.push(performance.now() - due)
  }
  agent.destroy()
}

function ask(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url}: ${answer.statusCode}`))
      answer.on('end', resolve).on('error', reject).resume()
    }).on('error', reject)
  })
}
