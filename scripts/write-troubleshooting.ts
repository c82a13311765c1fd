/**
 * Writes docs/troubleshooting.md from what a running instance says of its errors: HOLDFAST_URL, default
 * http://127.0.0.1:3000. A test holds the file to the same source.
 */
import { writeFile } from 'node:fs/promises'
import { troubleshooting, type ListedProblem } from '../src/platform/troubleshooting.ts'

const url = process.env['HOLDFAST_URL'] ?? 'http://127.0.0.1:3000'
const answer = await fetch(`${url}/problems`, { headers: { accept: 'application/json' } })
const { items } = (await answer.json()) as { items: ListedProblem[] }
await writeFile(new URL('../docs/troubleshooting.md', import.meta.url), troubleshooting(items))
