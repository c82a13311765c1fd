import { chmod, lstat, mkdir, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import {
  copyBinaries,
  locateBinaries,
  sharedDirectory,
} from '../../../src/platform/embedded-postgres/binaries.ts'
import { canReach, systemUser } from '../../../src/platform/embedded-postgres/database-user.ts'
import { run } from '../../../src/platform/embedded-postgres/run.ts'
import { StartError } from '../../../src/platform/start-error.ts'
import { sql } from '../../support/postgres.ts'
import { answer, isRoot, newHome, servicePath, start, startService } from './home.ts'

t.test("a home that can't be written is named in one line", async (t) => {
  const home = await newHome(t)
  await writeFile(home, '')
  await t.rejects(start(home), new StartError(`HOLDFAST_HOME can't be written: ${home} (EEXIST)`))
  await t.rejects(start(join(home, 'below')), {
    message: `HOLDFAST_HOME can't be written: ${home}/below (ENOTDIR)`,
  })
})

t.test('a link to a database that is gone is said so, not filled with an empty one', async (t) => {
  const home = await newHome(t)
  await mkdir(home)
  await symlink(join(home, 'gone'), join(home, 'postgres'))
  await t.rejects(start(home), new StartError(`${home}/postgres points at a database that is gone`))
})

const nobody = { uid: 65534, gid: 65534 }

if (isRoot) t.test('as root', asRoot)
else t.test('an ordinary user keeps the data in the home, under their own name', ordinary)

async function asRoot(t: Test): Promise<void> {
  t.test('the server runs as somebody else, in the home when they can get there', async (t) => {
    const home = await newHome(t)
    const server = await start(home)
    t.strictSame(await sql(server.url('sample'), 'SELECT 1 AS one'), [{ one: 1 }])
    t.not((await lstat(join(home, 'postgres'))).uid, 0)
  })

  t.test(
    'in a place that only root can enter, data and programs are kept where the server gets',
    async (t) => {
      const home = await newHome(t, 0o700)
      const first = await start(home)
      t.match(await readlink(join(home, 'postgres')), /^\/var\/lib\/holdfast\/data-[0-9a-f]{16}$/)
      await sql(first.url('sample'), 'CREATE TABLE kept AS SELECT 42 AS answer')
      await first.stop()
      const second = await start(home)
      t.strictSame(await sql(second.url('sample'), 'SELECT answer FROM kept'), [{ answer: 42 }])
    },
  )

  t.test('whatever the umask', async (t) => {
    const umask = process.umask(0o077)
    t.teardown(() => process.umask(umask))
    const home = await newHome(t)
    t.ok(await canReach(nobody, await sharedDirectory(join(dirname(home), 'shared'))))
    const server = await start(home)
    t.strictSame(await sql(server.url('sample'), 'SELECT 1 AS one'), [{ one: 1 }])
  })

  t.test('a database whose user is locked out later is refused in one line', async (t) => {
    const home = await newHome(t)
    await (await start(home)).stop()
    await chmod(dirname(home), 0o700)
    await t.rejects(
      start(home),
      new StartError(`PostgreSQL's user can't reach ${home}/postgres: open the folders above it (chmod o+x)`),
    )
  })

  t.test("a user who isn't there is created, and one who can't be is reported", async (t) => {
    const name = `hf-test-${process.pid}`
    t.teardown(() => run('userdel', [name]))
    const user = await systemUser(name)
    t.ok(user!.uid > 0)
    t.strictSame(await systemUser(name), user)
    await t.rejects(systemUser('not a name'), {
      name: 'StartError',
      message: /^PostgreSQL can't run as root, and its user "not a name" could not be created \(.+\)$/,
    })
  })

  t.test('programs out of reach are copied once, readable by all', async (t) => {
    const installed = await locateBinaries(null)
    const copy = await copyBinaries(join(installed.postgres, '../../..'))
    t.match(await run(copy.postgres, ['--version'], nobody), /^postgres \(PostgreSQL\) 18\./)
    const { ino } = await stat(copy.postgres)
    const again = await copyBinaries(join(installed.postgres, '../../..'))
    t.equal((await stat(again.postgres)).ino, ino)
  })

  if (await canReach(nobody, dirname(servicePath)))
    t.test('an ordinary user', async (t) => {
      const home = await newHome(t, 0o777)
      const service = startService(t, home, nobody)
      const { url } = await answer(service)
      t.strictSame(await sql(url, 'SELECT 1 AS one'), [{ one: 1 }])
      t.equal((await stat(join(home, 'postgres'))).uid, nobody.uid)
      service.process.kill('SIGTERM')
      await service.ended
      t.equal(service.process.exitCode, 0)
      const root = await start(home)
      t.strictSame(
        await sql(root.url('sample'), 'SELECT 1 AS one'),
        [{ one: 1 }],
        'root runs it as its owner',
      )
      await root.stop()
    })
}

async function ordinary(t: Test): Promise<void> {
  const home = await newHome(t)
  await start(home)
  t.equal((await stat(join(home, 'postgres'))).uid, process.getuid!())
}
