import { spawnSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readConfig } from '../../src/platform/config.ts'
import {
  armFailpoints,
  failpoint,
  failpointNames,
  parseFailpoints,
  type ArmedFailpoint,
} from '../../src/platform/failpoints.ts'

const on = { HOLDFAST_BREAK_ON_PURPOSE: 'yes' }
const root = fileURLToPath(new URL('../..', import.meta.url))

t.test('off unless two settings ask for them, and never in production', async (t) => {
  t.equal(readConfig({}).failpoints, null)
  t.equal(readConfig(on).failpoints, null)
  const wanted = { HOLDFAST_FAILPOINTS: 'snapshot.captured=kill@3, store.file-renamed=error' }
  t.same(readConfig({ ...on, ...wanted }).failpoints, [
    { name: 'snapshot.captured', action: 'kill', hit: 3 },
    { name: 'store.file-renamed', action: 'error', hit: 1 },
  ])
  t.same(readConfig({ ...on, HOLDFAST_FAILPOINTS: 'trace' }).failpoints, [])
  const refused = { message: /needs HOLDFAST_BREAK_ON_PURPOSE=yes/ }
  t.throws(() => readConfig(wanted), refused)
  t.throws(() => readConfig({ ...wanted, HOLDFAST_BREAK_ON_PURPOSE: '1' }), refused)
  t.throws(() => readConfig({ ...wanted, ...on, NODE_ENV: 'production' }), refused)
})

t.test('a name that nobody declared ends the start', async (t) => {
  for (const wrong of [
    'snapshot.eaten=kill',
    'snapshot.captured',
    'snapshot.captured=explode',
    'snapshot.captured=kill@0',
    '',
  ])
    t.type(parseFailpoints(wrong), 'string', wrong)
  const env = { PATH: process.env['PATH'], ...on, HOLDFAST_FAILPOINTS: 'snapshot.eaten=kill' }
  const { status, stderr } = spawnSync(process.execPath, ['src/server.ts'], { cwd: root, env })
  t.equal(status, 1)
  t.match(
    stderr.toString(),
    /^holdfast: HOLDFAST_FAILPOINTS must list failpoints .* not "snapshot\.eaten=kill"\n$/,
  )
})

t.test('a place does nothing, fails once, or stands still until it is released', async (t) => {
  t.equal(failpoint('snapshot.captured'), undefined, 'off')
  const told: string[] = []
  const list = parseFailpoints('snapshot.captured=error@2,store.file-renamed=pause') as ArmedFailpoint[]
  const armed = armFailpoints(list, (name, action) => told.push(`${name} ${action}`))
  t.teardown(() => armed.disarm())
  await failpoint('snapshot.captured')
  await t.rejects(failpoint('snapshot.captured')!, { message: 'failpoint snapshot.captured' })
  await failpoint('snapshot.captured')
  let passed = false
  const standing = failpoint('store.file-renamed')!.then(() => (passed = true))
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(passed, false)
  armed.release()
  await standing
  t.same(told, [
    'snapshot.captured pass',
    'snapshot.captured error',
    'snapshot.captured pass',
    'store.file-renamed pause',
  ])
  armed.disarm()
  t.equal(failpoint('snapshot.captured'), undefined, 'off again')
})

t.test('each name stands for places in the source, and each place has a name', async (t) => {
  const files = (await readdir(join(root, 'src'), { recursive: true })).filter((file) => file.endsWith('.ts'))
  const texts = await Promise.all(files.map((file) => readFile(join(root, 'src', file), 'utf8')))
  const used = new Set(
    texts.flatMap((text) => [...text.matchAll(/failpoint\('([^']+)'\)/g)].map(([, name]) => name!)),
  )
  t.same([...used].sort(), failpointNames.toSorted())
})
