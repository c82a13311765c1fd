import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createSealer } from '../../src/platform/sealing.ts'

const secret = 'eyJ0eXAiOiJKV1QiLCJub25jZSI6IkI'

t.test('what is sealed opens for the same, and for nothing else', async (t) => {
  const sealer = createSealer({ secret: 'the key of all replicas', home: '/nowhere' })
  const replica = createSealer({ secret: 'the key of all replicas', home: '/nowhere' })
  const stranger = createSealer({ secret: 'another key', home: '/nowhere' })
  const sealed = await sealer.seal(secret, 'delivery 1')
  t.notMatch(sealed, secret)
  t.equal(await replica.open(sealed, 'delivery 1'), secret)
  t.equal(await sealer.open(sealed, 'delivery 2'), null)
  t.equal(await stranger.open(sealed, 'delivery 1'), null)
  t.not(await sealer.seal(secret, 'delivery 1'), sealed, 'the same twice does not look the same')
})

t.test('what was altered does not open', async (t) => {
  const sealer = createSealer({ secret: 'a key', home: '/nowhere' })
  const sealed = await sealer.seal(secret, 'x')
  for (const [i, part] of sealed.split('.').entries()) {
    const other = part.startsWith('A') ? 'B' : 'A'
    const altered = sealed
      .split('.')
      .with(i, other + part.slice(1))
      .join('.')
    t.equal(await sealer.open(altered, 'x'), null, `part ${i}`)
  }
})

t.test('without a setting the key is a file that only its owner may read, made once', async (t) => {
  const home = join(t.testdir(), 'home')
  const sealers = Array.from({ length: 20 }, () => createSealer({ secret: null, home }))
  const [sealed] = await Promise.all(sealers.map((sealer) => sealer.seal(secret, 'x')))
  for (const sealer of sealers) t.equal(await sealer.open(sealed!, 'x'), secret)
  t.same(await readdir(home), ['secret'])
  t.equal((await stat(join(home, 'secret'))).mode & 0o777, 0o600)
  t.match(await readFile(join(home, 'secret'), 'utf8'), /^[0-9a-f]{64}\n$/)
})
