import { access, readFile } from 'node:fs/promises'
import t from 'tap'

const root = new URL('../../', import.meta.url)
const named = /`((?:test|src|bench|torture|scripts|docs|views|public)\/[^`\s]+\.\w+)`/g

t.test('every file that stands for a promise or an answer is there', async (t) => {
  for (const document of ['RELIABILITY.md', 'docs/security.md']) {
    const text = await readFile(new URL(document, root), 'utf8')
    const paths = [...new Set(text.matchAll(named).map(([, path]) => path!))]
    t.ok(paths.length > 20, `${document} names ${paths.length}`)
    for (const path of paths) await t.resolves(access(new URL(path, root)), `${document}: ${path}`)
  }
})

t.test('every row of the promises has all its columns, none of them empty', async (t) => {
  const text = await readFile(new URL('RELIABILITY.md', root), 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('| '))
  t.ok(rows.length > 20)
  for (const row of rows) {
    const cells = row.split('|').slice(1, -1)
    t.equal(cells.length, 5, row.slice(0, 60))
    t.ok(
      cells.every((cell) => cell.trim() !== ''),
      row.slice(0, 60),
    )
  }
})
