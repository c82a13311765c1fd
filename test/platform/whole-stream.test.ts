import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { wholeStream } from '../../src/platform/whole-stream.ts'

const failure = (cause: Error) => new Error(`broken: ${cause.message}`)

t.test('hands on all of it', async (t) => {
  t.equal(String(await buffer(wholeStream(source(), { bytes: 5, failure, stallMs: 1_000 }))), 'abcde')
  t.equal((await buffer(wholeStream(Readable.from([]), { bytes: 0, failure }))).length, 0)
})

t.test('fails when too little comes, or too much', async (t) => {
  await t.rejects(buffer(wholeStream(source(), { bytes: 6, failure })), /broken: it ended 1 of 6 bytes early/)
  await t.rejects(
    buffer(wholeStream(source(), { bytes: 4, failure })),
    /broken: it went on after its 4 bytes/,
  )
})

t.test('fails when the source does, or is destroyed', async (t) => {
  const broken = new PassThrough()
  const first = t.rejects(buffer(wholeStream(broken, { bytes: 6, failure })), /broken: disk/)
  broken.write('abc')
  broken.destroy(new Error('disk'))
  await first
  const destroyed = new PassThrough()
  const second = t.rejects(buffer(wholeStream(destroyed, { bytes: 6, failure })), /broken: Premature close/)
  destroyed.destroy()
  await second
})

t.test('destroys the source when the reader goes away', async (t) => {
  const source = new PassThrough()
  const whole = wholeStream(source, { bytes: 6, failure })
  whole.destroy()
  await new Promise((resolve) => source.once('close', resolve))
  t.ok(source.destroyed)
})

t.test('fails when the source is silent, not when the reader is', async (t) => {
  const silent = new PassThrough()
  silent.write('abc')
  const stalled = buffer(wholeStream(silent, { bytes: 6, failure, stallMs: 20 }))
  await t.rejects(stalled, /broken: it sent nothing for 0.02 s/)
  t.ok(silent.destroyed)

  const large = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(65_536)))
  const whole = wholeStream(large, { bytes: 40 * 65_536, failure, stallMs: 20 })
  await new Promise((resolve) => setTimeout(resolve, 5 * 20))
  t.equal((await buffer(whole)).length, 40 * 65_536)
})

function source(): Readable {
  return Readable.from([Buffer.from('abc'), Buffer.from('de')])
}

t.test('a source that breaks off before anybody reads fails the reader, not the process', async (t) => {
  const broken = new Readable({ read() {} })
  const whole = wholeStream(broken, { bytes: 10, failure })
  const closed = new Promise((resolve) => whole.once('close', resolve))
  broken.destroy(new Error('reset'))
  await closed
  await t.rejects(buffer(whole), /broken: reset/)
})
