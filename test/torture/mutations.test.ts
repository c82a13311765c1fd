import { readFile } from 'node:fs/promises'
import t from 'tap'
import { mutations } from '../../torture/mutations/list.ts'
import { isNoticed, passesUnbroken } from '../../torture/mutations/run.ts'
import { testServer } from '../support/postgres.ts'

const promises = 15

t.test('there is a mutation for each promise, and each still fits the source', async (t) => {
  t.same(
    [...new Set(mutations.map(({ promise }) => promise))].sort((a, b) => a - b),
    Array.from({ length: promises }, (_, i) => i + 1),
  )
  t.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length)
  for (const { name, file, search } of mutations) {
    const text = await readFile(new URL(`../../src/${file}`, import.meta.url), 'utf8')
    t.equal(text.split(search).length, 2, name)
  }
})

/** All of them: `npm run torture -- mutations`. */
t.test('a product that is broken is noticed', async (t) => {
  testServer() // Known to what is run from here.
  const quick = mutations.filter((mutation) => mutation.quick)
  for (const test of new Set(quick.map((mutation) => mutation.test)))
    t.equal(await passesUnbroken(test), true, `${test} passes while nothing is broken`)
  for (const mutation of quick) t.equal(await isNoticed(mutation), true, mutation.name)
})
