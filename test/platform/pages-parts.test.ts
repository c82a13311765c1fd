import t from 'tap'
import { components, url } from '../../src/platform/components.ts'
import { difference } from '../../src/platform/difference.ts'
import { html, Markup, printed } from '../../src/platform/markup.ts'
import { paceOf } from '../../src/platform/pace.ts'
import { ownPath } from '../../src/platform/theme.ts'
import {
  wordBytes,
  wordCount,
  wordDuration,
  wordScope,
  wordSpan,
  wordTime,
} from '../../src/platform/wording.ts'

const ui = components('/public/x')
const now = new Date('2026-11-20T19:06:19Z')

t.test('whatever is printed is escaped unless it is markup', async (t) => {
  t.equal(
    printed(`<img src=x onerror="alert('1')">&`),
    '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;',
  )
  t.equal(printed(new Markup('<b>b</b>')), '<b>b</b>')
  t.equal(printed(null), '')
  t.equal(printed(undefined), '')
  t.equal(printed(0), '0')
  t.equal(printed(['<', html`<i>${'>'}</i>`]), '&lt;<i>&gt;</i>')
  t.equal(
    String(html`<a href="${'"><script>'}">${html`<b>x</b>`}</a>`),
    '<a href="&quot;&gt;&lt;script&gt;"><b>x</b></a>',
  )
})

t.test('no component lets a value out unescaped', async (t) => {
  const evil = `"><img src=x onerror=alert(1)>`
  for (const markup of [
    ui.status(evil),
    ui.id(evil),
    ui.code(evil),
    ui.value(evil),
    ui.typeToConfirm(evil),
  ]) {
    t.notMatch(String(markup), '<img', String(markup))
  }
  t.notMatch(String(ui.attributes({ value: evil })), '<img')
  t.notMatch(String(ui.changed(evil, `${evil}2`).before), '<img')
})

t.test('templates print raw text only for other templates', async (t) => {
  const { globSync, readFileSync } = await import('node:fs')
  for (const file of globSync('views/**/*.eta')) {
    const raw = readFileSync(file, 'utf8').match(/<%~[^%]*/g) ?? []
    const others = raw.filter((text) => !/^<%~ (include\('|it\.body )/.test(text))
    t.same(others, [], file)
    t.notMatch(
      readFileSync(file, 'utf8'),
      / style=| on[a-z]+="|hx-on|js:|<style|javascript:/,
      `${file}: nothing inline`,
    )
  }
})

t.test('sizes, counts and times read as people say them', async (t) => {
  t.same([0, 999, 1000, 1_250_000, 999_960, 48_123_456_789].map(wordBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.3 MB',
    '1.0 MB',
    '48.1 GB',
  ])
  t.equal(wordCount(1, 'record'), '1 record')
  t.equal(wordCount(2000, 'entry', 'entries'), '2,000 entries')
  t.equal(wordTime(now), '20 Nov 2026, 19:06 UTC')
  t.same([340, 4200, 200_000, 7_500_000].map(wordDuration), ['340 ms', '4.2 s', '3 min 20 s', '2 h 5 min'])
  t.same([10_000, 60_000, 7_300_000, 3 * 86_400_000].map(wordSpan), [
    'under a minute',
    '1 minute',
    '2 hours',
    '3 days',
  ])
})

t.test('a scope reads as people say it', async (t) => {
  t.equal(wordScope({ all: true }), 'everything')
  t.equal(wordScope({ month: '2026-10' }), 'October 2026')
  t.equal(wordScope({ from: '2026-01-01', to: '2026-02-01' }), '2026-01-01 to 2026-02-01')
  t.equal(wordScope({ to: '2026-05-25T00:08:06.398Z' }), 'before 25 May 2026, 00:08 UTC')
  t.equal(wordScope({ keys: ['Gaming'] }), 'Gaming')
  t.equal(wordScope({ keys: [['a', 1]] }), 'a, 1')
  t.equal(wordScope({ keys: ['a', 'b'] }), '2 records')
})

t.test('a time says its instant in UTC and how long ago it was', async (t) => {
  t.match(
    String(ui.time('2026-11-20T18:06:19Z')),
    'datetime="2026-11-20T18:06:19.000Z" title="2026-11-20 18:06:19 UTC"',
  )
  t.match(String(ui.age('2026-11-20T16:00:00Z', now)), '>3 hours ago<')
  t.match(String(ui.age('2026-11-27T20:00:00Z', now)), '>in 7 days<')
  t.equal(String(ui.time(null)), '–')
})

t.test('a difference marks only what differs, whole characters, and shortens what does not', async (t) => {
  const { before, after } = difference('Refund 2291', 'Refund 2292')
  t.equal(before.html, '<del>Refund 229<mark>1</mark></del>')
  t.equal(after.html, '<ins>Refund 229<mark>2</mark></ins>')
  const faces = difference('a😀', 'a😁')
  t.equal(faces.before.html, '<del>a<mark>😀</mark></del>')
  t.equal(difference('same', 'same').before.html, '<del>same</del>')
  t.ok(difference('x'.repeat(9000), `${'x'.repeat(9000)}y`).after.html.length < 200)
  t.equal(difference('aa', 'aaa').after.html, '<ins>aa<mark>a</mark></ins>')
})

t.test('values of records read as people say them', async (t) => {
  t.equal(String(ui.value({ key: 'dQw4w9WgXcQ', title: 'Never' })), 'dQw4w9WgXcQ (title: Never)')
  t.equal(String(ui.value({ key: ['a', 1] })), 'a, 1')
  t.equal(String(ui.value([1, null])), '[1,null]')
  t.match(String(ui.value(null)), '>null<')
  t.match(String(ui.value('')), '>empty<')
  t.equal(String(ui.value('x'.repeat(600))).length, 501)
})

t.test('links leave empty parameters out, and redirects stay with us', async (t) => {
  t.equal(url('/snapshots', { dataset: 'a b', key: '', status: undefined }), '/snapshots?dataset=a+b')
  t.same(['/snapshots?x=1', '//evil.example', '/\\evil', 'https://evil.example', ''].map(ownPath), [
    '/snapshots?x=1',
    '/',
    '/',
    '/',
    '/',
  ])
})

t.test('progress tells a rate and the time left once both can be told', async (t) => {
  t.same(paceOf(50, 200, 5), { done: 50, total: 200, rate: 10, secondsLeft: 15 })
  t.same(paceOf(50, 200, 0.5), { done: 50, total: 200, rate: 0, secondsLeft: 0 }, 'too early')
  t.same(paceOf(50, 0, 5), { done: 50, total: 0, rate: 10, secondsLeft: 0 }, 'nobody knows how much there is')
  t.same(paceOf(50, 49, 5), { done: 50, total: 0, rate: 10, secondsLeft: 0 }, 'more than was thought')
})
