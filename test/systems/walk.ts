import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { openShell, type Shell } from './shell.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Commands of a manual, and what it says that they print; null when it doesn't say. */
export interface Block {
  commands: string
  prints: string | null
}

/** A section of a walk: what the system's people ask for, and how it is done. */
export interface Section {
  heading: string
  /** The sentence that stands as a quotation below the heading; else the heading. */
  title: string
  blocks: Block[]
}

/** The sections (`##`) of a walk, in order. */
export async function sectionsOf(example: string): Promise<Section[]> {
  const text = await readFile(join(root, 'examples', example, 'README.md'), 'utf8')
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const heading = section.slice(0, section.indexOf('\n'))
      const quotation = section.match(/^> .*(\n> .*)*/m)?.[0]
      const title = quotation?.replace(/^> /gm, '').replace(/\n/g, ' ') ?? heading
      return { heading, title, blocks: blocksOf(section) }
    })
}

function blocksOf(section: string): Block[] {
  return [...section.matchAll(/^```sh\n(.*?)^```\n(?:\n```(?:text|json)\n(.*?)^```$)?/gms)].map(
    ([, commands, prints]) => ({ commands: commands!, prints: prints ?? null }),
  )
}

/** Runs a walk's sections one after the other, each as a test of its own. */
export interface Walk {
  shell: Shell
  /** Runs the next section. @param heading what the walk calls it; @param check looks at what came of it by other means */
  section(heading: string, check?: (t: Test, printed: string[]) => Promise<unknown>): Promise<void>
  /** Makes sure that no section was left out. */
  end(): void
}

/**
 * The walk through an example, as its README.md has it: the commands are run as they stand there, and have to print what
 * stands there, where `…` is whatever differs from time to time.
 */
export async function openWalk(t: Test, example: string): Promise<Walk> {
  const left = await sectionsOf(example)
  const shell = await openShell(t)
  return {
    shell,
    async section(heading, check) {
      const section = left.shift()
      t.equal(section?.heading, heading, 'the next section of the walk')
      let trouble: unknown = null
      await t.test(section!.title, async (t) => {
        try {
          const printed = await runBlocks(t, shell, section!)
          await check?.(t, printed)
        } catch (error) {
          trouble = error
          throw error
        }
      })
      if (trouble !== null) throw new Error('The rest of the walk makes no sense.')
    },
    end: () =>
      void t.strictSame(
        left.map(({ heading }) => heading),
        [],
        'all sections were run',
      ),
  }
}

/** What a command wrote into a file. */
export async function readJson<T>({ shell }: Walk, file: string): Promise<T> {
  return JSON.parse(await readFile(join(shell.folder, file), 'utf8')) as T
}

async function runBlocks(t: Test, shell: Shell, { blocks }: Section): Promise<string[]> {
  const printed: string[] = []
  for (const { commands, prints } of blocks) {
    const output = await shell.run(commands)
    printed.push(output)
    if (prints !== null) requirePrinted(t, output, prints)
  }
  return printed
}

function requirePrinted(t: Test, output: string, expected: string): void {
  const pattern = expected
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*?')
  t.match(output.trim(), new RegExp(`^${pattern}$`))
}
