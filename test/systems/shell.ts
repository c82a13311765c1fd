import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** A reader's shell: what one block of commands leaves behind, the next one finds. */
export interface Shell {
  /** Where commands run. */
  folder: string
  /** @returns what the commands print @throws what they complain about, when one of them fails */
  run(commands: string): Promise<string>
  /** Sets variables for the commands to come. */
  set(variables: Record<string, string>): Promise<void>
}

const end = '\u0004'

/** In a folder of its own, which has the examples where the repository's has them. */
export async function openShell(t: Test): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-shell-'))
  await symlink(fileURLToPath(new URL('../../examples', import.meta.url)), join(folder, 'examples'))
  const bash = spawn('bash', ['-euo', 'pipefail'], {
    cwd: folder,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
    },
  })
  const gone = once(bash, 'exit')
  t.teardown(async () => {
    bash.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  let complaints = ''
  bash.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const output = bash.stdout.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string, undefined>

  async function run(commands: string): Promise<string> {
    complaints = ''
    const file = join(folder, '.commands')
    await writeFile(file, commands)
    bash.stdin.write(`source '${file}' < /dev/null; printf '${end}'\n`)
    let printed = ''
    while (!printed.endsWith(end)) {
      const { value } = await output.next()
      if (value === undefined) throw new Error(`${commands}\n${printed}\n${complaints}`)
      printed += value
    }
    return printed.slice(0, -end.length)
  }

  return {
    folder,
    run,
    async set(variables) {
      const quoted = Object.entries(variables).map(
        ([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
      )
      await run(quoted.join('\n'))
    },
  }
}
