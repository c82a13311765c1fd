import { writeFile } from 'node:fs/promises'
import { allowedMemory, knownMemory, knownRatios, shortForm } from './short-form.ts'
import { plot, type Growth } from './plot.ts'
import { table, type Listing, type Section } from './report.ts'

type Sections = Section | (Listing & { growth?: Growth })

export interface Benchmarks {
  command: string
  conditions: string[]
  sections: Sections[]
}

/** Writes what was measured into a file in docs/. @param file its path */
export async function writeBenchmarks(
  file: string,
  { command, conditions, sections }: Benchmarks,
): Promise<void> {
  const parts = [
    '# Benchmarks',
    `Printed by this command, and written here by its \`--write\`:`,
    `\`\`\`\n${command}\n\`\`\``,
    conditions.join('\n'),
    preface,
    ...sections.flatMap((section) => [
      `## ${section.title}`,
      section.about,
      table(section),
      picture(section),
    ]),
    '## In the suite',
    `\`npm test\` takes the same measurements of ${shortForm.sessions.toLocaleString('en')} sessions, where what every operation costs anyway weighs more, and fails when a ratio is more than twice what it is known to be, even in the best of three rounds: never for a time.`,
    knownRatios
      .map(({ figure, baseline, ratio }) => `- ${figure} to ${baseline}: ${ratio.toFixed(1)} x`)
      .join('\n'),
    `The memory that the service holds at rest after its start is ${knownMemory} times that of Fastify and MikroORM alone; it fails at ${(allowedMemory * knownMemory).toFixed(1)} times.`,
  ]
  const text = parts.filter((part) => part !== null).join('\n\n')
  await writeFile(file, `${text}\n`)
  for (const section of sections)
    if ('growth' in section)
      await writeFile(new URL(`../docs/${plotFile}`, import.meta.url), plot(section.growth!))
}

const plotFile = 'pictures/growth.svg'

function picture(section: Sections): string | null {
  return 'growth' in section ? `![Seconds by number of sessions](${plotFile})` : null
}

const preface = `Seconds depend on the machine; ratios to what else one could do with the same rows, in the same run, hardly do. A ratio is
the median of the rounds' ratios. "Peak RSS" is the memory of the Node process, not of PostgreSQL, at its highest; it
never gives back all of what it once took, so a figure may carry what an earlier one needed. What \`pg_dump\` and
\`pg_restore\` take isn't measured. The rows are the chat example's, made from a seed, so that any run has the same.`
