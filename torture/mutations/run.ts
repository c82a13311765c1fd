import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutation.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a test may need besides the source that is mutated. */
const needed = ['test', 'torture', 'migrations', 'examples', 'views', 'public', 'scripts', 'package.json']

/** How long a test may take, in milliseconds; tap's own patience ends before. */
const patienceMs = 900_000

/**
 * Breaks a copy of the product as the mutation says, and runs its test there.
 * @returns whether the test noticed
 * @throws when the mutation doesn't fit the source any more
 */
export async function isNoticed({ file, search, replace, test }: Mutation): Promise<boolean> {
  return (await inCopy(test, (src) => mutate(src, file, search, replace))) !== 0
}

/** Whether a test passes in a copy that nothing was done to: else it would notice anything. */
export async function passesUnbroken(test: string): Promise<boolean> {
  return (await inCopy(test, async () => undefined)) === 0
}

async function inCopy(test: string, change: (src: string) => Promise<void>): Promise<number | null> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mutation-'))
  try {
    await cp(join(root, 'src'), join(folder, 'src'), { recursive: true })
    for (const name of needed) await cp(join(root, name), join(folder, name), { recursive: true })
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await change(join(folder, 'src'))
    return await runTest(folder, test)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function mutate(src: string, file: string, search: string, replace: string): Promise<void> {
  const text = await readFile(join(src, file), 'utf8')
  if (text.split(search).length !== 2) throw new Error(`"${search}" must stand exactly once in src/${file}`)
  await writeFile(
    join(src, file),
    text.replace(search, () => replace),
  )
}

/** Without tap's own process around it: one file, up to its first failure. */
async function runTest(cwd: string, test: string): Promise<number | null> {
  const child = spawn(process.execPath, [join('test', test)], {
    cwd,
    env: { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: '600' },
    stdio: 'ignore',
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}
