import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { exampleNames } from '../../examples/load.ts'
import { sectionsOf } from './walk.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

t.test('the table of the five systems has every sentence of the walks, in their order', async (t) => {
  const table = await readFile(join(root, 'docs/systems.md'), 'utf8')
  for (const name of exampleNames) {
    const [, rows = ''] = table.split(`\n## ${name}\n`)
    const listed = [...rows.split('\n## ')[0]!.matchAll(/^\| (.+?) \| (.+?) \| \[(.+?)\]\(/gm)]
    const sections = (await sectionsOf(name)).filter(({ heading, title }) => heading !== title)
    t.ok(sections.length >= 3)
    t.strictSame(
      listed.map(([, sentence, , heading]) => [sentence, heading]),
      sections.map(({ title, heading }) => [title, heading]),
      name,
    )
    const test = await readFile(join(root, `test/systems/${name}.test.ts`), 'utf8')
    for (const { heading } of sections) t.ok(test.includes(`section('${heading}'`), `${name}: ${heading}`)
  }
})
