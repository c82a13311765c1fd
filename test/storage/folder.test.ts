import { execFileSync, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { folderProblem } from '../../src/storage/folder-failures.ts'
import { FolderStore } from '../../src/storage/folder-store.ts'
import { conformance, keysOf, randomStream, read } from './conformance.ts'

const endlessPut = fileURLToPath(new URL('endless-put.ts', import.meta.url))
const future = () => new Date(Date.now() + 60_000)

conformance(t, {
  emptyStore: async (t) => new FolderStore(await emptyFolder(t)),
  lostStores: async (t) => {
    const folder = await emptyFolder(t)
    await writeFile(join(folder, 'file'), '')
    return {
      'a folder that is gone': new FolderStore(join(folder, 'gone')),
      'a file instead of a folder': new FolderStore(join(folder, 'file')),
    }
  },
})

t.test('keeps each object as a plain file at its key', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('backups/2026-10/chat.json.zst', Buffer.from('bytes'))
  t.equal(await readFile(join(folder, 'backups/2026-10/chat.json.zst'), 'utf8'), 'bytes')
  t.equal(
    (await stat(join(folder, 'backups/2026-10/chat.json.zst'))).mode & 0o007,
    0,
    'others may not read it',
  )
  t.equal(store.location, pathToFileURL(folder).href)
})

t.test('a process that is killed while it puts leaves nothing but what sweep removes', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('a/key', Buffer.from('old'))
  const child = fork(endlessPut, [store.location, 'a/key'])
  t.same(await once(child, 'message'), [{ writing: true }, undefined])
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.same(await keysOf(store), ['a/key'])
  t.same(await read(store, 'a/key'), Buffer.from('old'))
  t.equal(await store.sweep(new Date(Date.now() - 60_000)), 0, 'it might still be at work')
  await store.check()
  t.equal(await store.sweep(future()), 1)
  t.equal(await store.sweep(future()), 0)
  t.same(await readdir(join(folder, '.holdfast')), ['check'])
})

t.test('a file system that takes no more bytes is full, and older objects stay', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('old', Buffer.from('old'))
  // Without the test runner's options, whose handler for the signal of the limit ends the process.
  const limited = [
    '-c',
    'unset NODE_OPTIONS; ulimit -f 8000; exec "$0" "$@"',
    process.execPath,
    endlessPut,
    store.location,
    'old',
  ]
  const child = spawn('sh', limited, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.same(await once(child, 'message'), [{ code: 'STORE_FULL' }, undefined])
  t.same(await read(store, 'old'), Buffer.from('old'))
  t.equal(await store.sweep(future()), 0, 'the room it took is free again')
})

t.test('tells a full disk and a key that does not fit from a disk that fails', async (t) => {
  const expected = {
    STORE_FULL: ['ENOSPC', 'EDQUOT', 'EFBIG'],
    STORE_KEY_INVALID: ['ENAMETOOLONG', 'EISDIR', 'ENOTDIR'],
    STORE_UNREACHABLE: ['EIO', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ESTALE', 'EMFILE', 'EXDEV'],
  }
  for (const [code, failures] of Object.entries(expected)) {
    for (const failure of failures) {
      const error = Object.assign(new Error(failure), { code: failure })
      t.match(folderProblem(error, 'file:///store'), { code, message: `file:///store` }, failure)
    }
  }
})

t.test('a folder that may not be written or read is unreachable', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('closed/key', Buffer.from('x'))
  await chmod(join(folder, 'closed'), 0o000)
  await chmod(folder, 0o555)
  const denied = { code: 'STORE_UNREACHABLE', message: 'EACCES, permission denied' }
  const release = becomeOrdinaryUser()
  try {
    await t.rejects(store.put('key', Buffer.from('x')), { code: 'STORE_UNREACHABLE' })
    await t.rejects(store.check(), { code: 'STORE_UNREACHABLE' })
    await t.rejects(store.get('closed/key'), denied)
    await t.rejects(store.head('closed/key'), denied)
    await t.rejects(store.delete('closed/key'), denied)
    await t.rejects(keysOf(store), denied, 'a listing does not pass over what it may not see')
  } finally {
    release()
    await chmod(folder, 0o755)
    await chmod(join(folder, 'closed'), 0o755)
  }
  t.same(await keysOf(store), ['closed/key'])
})

t.test('does not make a folder anew that went away, and says so', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('a/b/key', Buffer.from('x'))
  await rm(folder, { recursive: true })
  await t.rejects(store.put('a/b/key', Buffer.from('y')), { code: 'STORE_UNREACHABLE' })
  await t.rejects(stat(folder), { code: 'ENOENT' })
})

t.test('symbolic links lead nowhere', async (t) => {
  const outside = await emptyFolder(t)
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await writeFile(join(outside, 'secret'), 'secret')
  await mkdir(join(folder, 'a'))
  await symlink(outside, join(folder, 'a', 'folder'))
  await symlink(join(outside, 'secret'), join(folder, 'a', 'file'))
  await symlink(join(outside, 'new'), join(folder, 'a', 'dangling'))
  const refused = { code: 'STORE_KEY_INVALID', message: 'leads through a symbolic link' }
  for (const key of ['a/folder/secret', 'a/folder/new', 'a/file', 'a/dangling']) {
    await t.rejects(store.get(key), refused, `get ${key}`)
    await t.rejects(store.head(key), refused, `head ${key}`)
    await t.rejects(store.put(key, Buffer.from('x')), refused, `put ${key}`)
    await t.rejects(store.delete(key), refused, `delete ${key}`)
  }
  await t.rejects(keysOf(store, 'a/folder/'), refused)
  t.same(await keysOf(store), [])
  t.same(await readdir(outside), ['secret'])
  t.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
})

t.test('a root that is itself a link works', async (t) => {
  const folder = await emptyFolder(t)
  await mkdir(join(folder, 'real'))
  await symlink(join(folder, 'real'), join(folder, 'link'))
  const store = new FolderStore(join(folder, 'link'))
  await store.put('a/key', Buffer.from('x'))
  t.same(await read(store, 'a/key'), Buffer.from('x'))
  t.same(await keysOf(store), ['a/key'])
})

t.test('passes over what is no object', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('a/key', Buffer.from('x'))
  await writeFile(join(folder, 'line\nbreak'), '')
  await writeFile(Buffer.concat([Buffer.from(`${folder}/latin-`), Buffer.from([0xe9])]), '')
  await mkdir(join(folder, 'empty'))
  execFileSync('mkfifo', [join(folder, 'a', 'pipe')])
  t.same(await keysOf(store), ['a/key'])
  t.equal(await store.head('a/pipe'), null)
  await t.rejects(store.get('a/pipe'), { code: 'STORE_OBJECT_MISSING' })
})

t.test('refuses a key that this file system cannot hold beside the others', async (t) => {
  const store = new FolderStore(await emptyFolder(t))
  const misfit = { code: 'STORE_KEY_INVALID' }
  await store.put('a/b', Buffer.from('x'))
  await t.rejects(store.put('a', Buffer.from('y')), misfit, 'the folder of another object')
  await t.rejects(store.put('a/b/c', Buffer.from('y')), misfit, 'below another object')
  const long = 'x'.repeat(300)
  await t.rejects(store.put(long, Buffer.from('y')), misfit, 'a segment of 300 bytes')
  await t.rejects(store.get(long), misfit)
  await t.rejects(store.head(long), misfit)
  await t.rejects(store.delete(long), misfit)
  t.same(await keysOf(store), ['a/b'])
  t.equal(await store.sweep(future()), 0)
})

t.test('shows one whole body when large ones of several sizes meet', async (t) => {
  const store = new FolderStore(await emptyFolder(t))
  const bodies = [3, 1, 5, 2, 4].map((size) => randomBytes(size * 1_000_000))
  await Promise.all(bodies.map((body) => store.put('folder/key', Readable.from(slices(body)))))
  const stored = await read(store, 'folder/key')
  t.ok(bodies.some((body) => body.equals(stored)))
})

t.test('a file that shrinks while it is read fails the read', async (t) => {
  const folder = await emptyFolder(t)
  const store = new FolderStore(folder)
  await store.put('key', randomStream(8_000_000).stream)
  const reading = await store.get('key')
  const file = await open(join(folder, 'key'), 'r+')
  await file.truncate(1_000_000)
  await file.close()
  await t.rejects(buffer(reading), { code: 'STORE_UNREACHABLE', message: /bytes early/ })
})

async function emptyFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536)
}

/** Root may do everything: gives that up until the returned function is called. */
function becomeOrdinaryUser(): () => void {
  if (process.getuid!() !== 0) return () => {}
  process.seteuid!(65_534)
  return () => process.seteuid!(0)
}
