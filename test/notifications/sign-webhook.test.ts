import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { signWebhook } from '../../src/notifications/sign-webhook.ts'

type Verify = (secret: string, header: string | undefined, rawBody: string) => boolean

t.test('what the manual tells receivers to do takes our signatures, and no others', async (t) => {
  const manual = await readFile(new URL('../../docs/notifications.md', import.meta.url), 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-signature-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'verify.mjs')
  await writeFile(file, /```js\n([\s\S]*?)```/.exec(manual)![1]!)
  const { isFromHoldfast } = (await import(pathToFileURL(file).href)) as { isFromHoldfast: Verify }
  const [secret, body] = ['0123456789abcdef', '{"id":"a","text":"ü"}']
  const header = signWebhook(secret, body, new Date())
  t.ok(isFromHoldfast(secret, header, body))
  t.notOk(isFromHoldfast(secret, header, body.replace('a', 'b')), 'another body')
  t.notOk(isFromHoldfast('fedcba9876543210', header, body), 'another secret')
  t.notOk(isFromHoldfast(secret, header.replace(/t=\d/, 't=2'), body), 'another time')
  t.notOk(isFromHoldfast(secret, undefined, body), 'none')
  const old = signWebhook(secret, body, new Date(Date.now() - 600_000))
  t.notOk(isFromHoldfast(secret, old, body), 'played again')
})
