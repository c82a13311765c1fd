import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export interface S3Server {
  /** For `openStore`, with credentials. */
  url: string
  endpoint: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  /** The server's own folder. */
  directory: string
  /** Ends the server; the test's end does it too. */
  stop(): Promise<void>
}

/** s3rver's one account. */
const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
const program = fileURLToPath(new URL('s3-process.ts', import.meta.url))

/**
 * An S3-speaking server with one empty bucket, in a process of its own, until the test ends.
 * It refuses access keys that it doesn't know; signatures it takes as they come.
 */
export async function s3Server(t: Test, bucket = 'holdfast-test'): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-s3-'))
  const child = fork(program, [directory, bucket], {
    // s3rver enciphers its continuation tokens with an algorithm that OpenSSL 3 has put away.
    execArgv: ['--openssl-legacy-provider'],
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const stop = () => end(child)
  t.teardown(async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  })
  const [{ port }] = (await Promise.race([once(child, 'message'), failure(child)])) as [{ port: number }]
  const endpoint = `http://127.0.0.1:${port}`
  const url = `s3://${bucket}?${new URLSearchParams({ endpoint, ...credentials })}`
  return { url, endpoint, bucket, ...credentials, directory, stop }
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`The S3 server ended with ${code} before it listened`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
