import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'

/** Whom a program runs as. Null: whoever we are. */
export type User = { uid: number; gid: number } | null

/** Nothing of our own environment reaches the server's programs: PGDATA, PGOPTIONS, a locale that isn't there. */
export const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Runs a program to its end. It stays in our process group, so that it ends with us on Ctrl-C.
 * @param input what it reads from standard input
 * @throws Error whose message is the last line it wrote to standard error, or why it couldn't be run
 */
export async function run(program: string, args: string[], user: User = null, input = ''): Promise<string> {
  const child = spawn(program, args, { ...user, cwd: '/', env: environment })
  const ended = once(child, 'close') as Promise<[code: number | null]>
  child.stdin.on('error', () => {}) // It may end without reading; its exit code tells.
  child.stdin.end(input)
  const [output, complaints, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0) throw new Error(lastLine(complaints) || `${program} ended with code ${code}`)
  return output
}

/** The last line that isn't empty. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)!.trim()
}
