import t from 'tap'
import { readPdf } from './read-pdf.ts'
import { renderer } from './render.ts'

/** What people write in, each as it has to be found again. */
const texts: Record<string, string> = {
  latin: 'Übergrößenträger naïve façade Łódź Đồng “quoted” – €12',
  cyrillic: 'Здравствуйте, заказ №10482',
  greek: 'Καλημέρα κόσμε',
  chinese: '你好，我的订单什么时候发货？',
  japanese: 'こんにちは、カタカナ',
  korean: '안녕하세요 반갑습니다',
  tamil: 'நன்றி',
  emoji: 'thanks 🙏 🤖 👌',
}

const rightToLeft: Record<string, string[]> = {
  hebrew: ['שלום', 'עולם'],
  arabic: ['متى', 'يصل', 'طلبي', 'رقم', '10482'],
}

const schema = `
  CREATE TABLE notes (id int PRIMARY KEY, title text NOT NULL, body text);
  CREATE TABLE lines (id int PRIMARY KEY, note_id int NOT NULL REFERENCES notes, words text, amount numeric);
  INSERT INTO notes VALUES (1, 'First', E'two\\nlines'), (2, 'Second', NULL);
  INSERT INTO notes SELECT n, 'Note ' || n, repeat('word ', 200) FROM generate_series(3, 120) AS n;
  INSERT INTO lines VALUES (1, 1, E'\\U00013000 and \\x07', -12.50)`

const declaration = {
  dataset: 'notes',
  title: 'Notes',
  records: { table: 'public.notes', label: 'title', children: [{ table: 'public.lines', as: 'lines' }] },
}

t.test('a PDF is a document: title page, contents that lead to each record, numbered pages', async (t) => {
  const { engine, render } = await renderer(t, schema, declaration)
  const { pages, links, title } = await readPdf(await render('pdf'))
  t.equal(title, 'Notes, everything')
  t.match(pages[0], /Notes\n[^]*All\n[^]*20 November 2026 at 10:00:00 UTC[^]*120 rows of public\.notes/)
  t.match(pages[0], 'not for restoring')
  t.match(pages[1], /^[^]*Contents\nFirst \(1\)/)
  for (const [i, page] of pages.entries()) t.match(page, new RegExp(`Page ${i + 1} ?of ${pages.length}\\n`))

  const entries = [
    ...pages
      .slice(1, 4)
      .join('\n')
      .matchAll(/^(First|Second|Note \d+) \((\d+)\)\s*(\d+)$/gm),
  ]
  t.equal(entries.length, 120, 'every record is in the contents')
  const targets = links.flat()
  for (const [i, [, label, , page]] of entries.entries()) {
    t.equal(targets[i], Number(page), `${label} leads to the page that the contents name`)
    t.match(pages[Number(page) - 1], label!, 'where it stands')
  }
  const first = pages[Number(entries[0]![3]) - 1]!
  t.match(first, /two\nlines/)
  t.match(first, '-12.50')
  t.match(first, '[U+13000] and [U+0007]', 'what no font has is spelled out')

  await engine.sql('TRUNCATE notes, lines')
  const empty = await readPdf(await render('pdf'))
  t.equal(empty.pages.length, 2)
  t.match(empty.pages[1], 'No record falls into this scope.')
})

t.test('every script can be read and found', async (t) => {
  const { engine, render } = await renderer(t, schema, declaration)
  await engine.sql('TRUNCATE notes, lines')
  for (const [i, text] of Object.values(texts).entries())
    await engine.sql(`INSERT INTO notes VALUES (${i}, 'x', '${text}')`)
  for (const [i, words] of Object.values(rightToLeft).entries())
    await engine.sql(`INSERT INTO notes VALUES (${100 + i}, 'x', '${words.join(' ')}')`)
  const { pages } = await readPdf(await render('pdf'))
  const found = pages.slice(2).join('\n')
  for (const [script, text] of Object.entries(texts)) t.match(found, text, script)
  for (const [script, words] of Object.entries(rightToLeft))
    for (const word of words) t.match(found, word, script)
  t.notMatch(found, /\[U\+/, 'nothing is missing')
})

t.test('hundreds of letters of one font, whatever bytes their codes have', async (t) => {
  const { engine, render } = await renderer(t, schema, declaration)
  await engine.sql('TRUNCATE notes, lines')
  // Latin and Cyrillic: their codes in the document go from 1 up, past those of brackets, backslash and line ends.
  const letters = Array.from({ length: 256 }, (_, i) => String.fromCodePoint(0x400 + i))
    .filter((letter) => /\p{L}/u.test(letter))
    .join('')
  const words = letters.match(/.{1,16}/gu)!
  await engine.sql(`INSERT INTO notes VALUES (1, 'x', '${words.join(' ')}')`)
  const { pages } = await readPdf(await render('pdf'))
  const found = pages.slice(2).join('\n').split(/\s+/)
  t.ok(letters.length > 200)
  for (const word of words) t.ok(found.includes(word), word)
})
