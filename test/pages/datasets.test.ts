import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { snapshotService } from '../snapshots/service.ts'
import { accessibilityProblems, complaints, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const evil = '<img src=x onerror=alert(1)>'
const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)

for (const javaScript of [true, false]) {
  t.test(`records are found by text and period, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    await sql(service.source, `UPDATE video_library.categories SET name = '${evil}' WHERE name = 'Gaming'`)
    const page = await browser.open({ javaScript, as: 'viewer' })
    const seen = complaints(page)
    await page.goto('/datasets')
    await page.getByRole('link', { name: 'Video library', exact: true }).click()
    await page.getByRole('link', { name: 'Browse records' }).click()
    await page.getByLabel('Key or label contains').fill('onerror')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL('**q=onerror*')
    await page.getByText('1 record that matches').waitFor()
    t.equal(await page.locator('tbody th').textContent(), evil, 'a name is text')
    await page.getByRole('link', { name: 'Snapshots that cover' }).click()
    await page.getByText('No snapshot matches').waitFor()
    await page.goBack()
    t.equal(
      await page.getByLabel('Key or label contains').inputValue(),
      'onerror',
      'Back restores the filter',
    )

    await page.getByLabel('Key or label contains').fill('nothing is called this')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('No record matches').waitFor()
    await page.goto('/datasets/video-library/records?month=2026-13')
    await page.locator('#errors').waitFor()
    t.match(await page.locator('#errors').textContent(), /Month must be a month/)
    t.same(
      seen.filter((text) => !/status of 400|does not conform/.test(text)),
      [],
    )
    await sql(service.source, `UPDATE video_library.categories SET name = 'Gaming' WHERE name = '${evil}'`)
  })

  t.test(`a dataset is drafted from a table, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'operator' })
    await page.goto('/datasets')
    await page.getByRole('link', { name: 'Draft a dataset' }).click()
    await page.getByLabel('Table', { exact: true }).fill('chat.sesions')
    await page.getByRole('button', { name: 'Draft it' }).click()
    await page.locator('#errors').waitFor()
    t.match(await page.locator('#errors').textContent(), /did you mean "chat.sessions"/)
    t.equal(await page.getByLabel('Table', { exact: true }).inputValue(), 'chat.sesions')
    await page.getByLabel('Table', { exact: true }).fill('deal_rooms.rooms')
    await page.getByRole('button', { name: 'Draft it' }).click()
    await page.getByRole('heading', { name: 'Draft for deal_rooms.rooms' }).waitFor()
    t.match(await page.locator('pre').textContent(), /table: deal_rooms.rooms/)
    t.equal(await page.getByRole('button', { name: 'Copy' }).isVisible(), javaScript)
    if (javaScript) t.same(await accessibilityProblems(page), [])
    await page.getByText('Change it and check it').click()
    const text = page.getByLabel('Text of the file')
    await text.fill((await text.inputValue()).replace('table: deal_rooms.rooms', 'table: deal_rooms.roms'))
    await page.getByRole('button', { name: 'Check it' }).click()
    await page.getByText('did you mean "deal_rooms.rooms"').waitFor()
    await text.fill((await text.inputValue()).replace('table: deal_rooms.roms', 'table: deal_rooms.rooms'))
    await page.getByRole('button', { name: 'Check it' }).click()
    await page.getByText('Checked against the source').waitFor()
    await page.goto('/datasets/proposals/new')
    await page.getByRole('button', { name: 'Draft from chat.messages' }).click()
    await page.getByRole('heading', { name: 'Draft for chat.messages' }).waitFor()
  })
}

t.test('a dataset shows its tables, its references and how it stands', async (t) => {
  const page = await browser.open({ as: 'viewer' })
  await page.goto('/datasets/video-library')
  t.match(await page.getByRole('row', { name: /category_videos/ }).textContent(), /row skipped if it is gone/)
  t.match(await page.locator('.figures').textContent(), /never\s*$|Last good snapshot\s*never/)
  await service.call('POST', '/snapshots', { dataset: 'video-library' }, { prefer: 'wait=30' })
  await page.reload()
  t.match(await page.locator('.figures').textContent(), /under a minute ago/)
  t.match(await page.locator('pre').textContent(), /^dataset: video-library\ntitle: Video library\n/)
})

for (const javaScript of [true, false]) {
  t.test(`a closed gate opens by its button, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'operator' })
    const month = javaScript ? '2026-10' : '2026-09'
    await page.goto('/datasets/legacy-import')
    t.match(
      await page.getByRole('row', { name: /^Export/ }).textContent(),
      /Closed.*(No completed snapshot covers|lacks)/s,
    )
    await page.getByRole('link', { name: 'For certain records' }).click()
    await page.getByLabel('One month').check()
    await page.getByLabel('Month', { exact: true }).fill(month)
    await page.getByRole('button', { name: 'Judge' }).click()
    await page.getByRole('heading', { name: /^For (October|September) 2026$/ }).waitFor()
    await page.locator('.notice').getByRole('button', { name: 'Take snapshot' }).click()
    await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
    await page.goto(`/datasets/legacy-import/gate?which=month&month=${month}`)
    await page.getByText('Every gate is open.').waitFor()
    await page.goto('/datasets/legacy-import')
    t.match(
      await page.getByRole('row', { name: /^Export/ }).textContent(),
      /Closed.*of (October|September) 2026.*lacks/s,
      'not for the others',
    )
  })
}

for (const javaScript of [true, false]) {
  t.test(`records that are chosen lead on, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'operator' })
    await page.goto('/datasets/chat/records?q=refund')
    const boxes = page.locator('tbody [name=keys]')
    const [first, second] = [await boxes.nth(0).inputValue(), await boxes.nth(1).inputValue()]
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await page.locator('.chosen').getByRole('button', { name: 'Take snapshot' }).click()
    await page.getByRole('heading', { name: 'Take snapshot', level: 1 }).waitFor()
    t.equal(await page.getByLabel('Keys').inputValue(), `${first}\n${second}`)
    t.match(await page.locator('#preview').textContent(), /2 records/)
    await page.getByLabel('All of them').check()
    if (!javaScript) await page.getByRole('button', { name: 'How many is that?' }).click()
    const [all] = await sql(service.source, 'SELECT count(*)::int AS n FROM chat.sessions')
    const words = `${Number(all!['n']).toLocaleString('en')} records`
    await page.locator('#preview').getByText(words).waitFor()

    await page.goto('/datasets/chat/records?month=2026-10')
    await page.getByLabel(/^All about/).check()
    await page.locator('.chosen').getByRole('button', { name: 'Clean up' }).click()
    await page.getByRole('heading', { name: 'Clean up', level: 1 }).waitFor()
    t.ok(await page.getByLabel('One month').isChecked(), 'all of a month are that month')
    t.equal(await page.getByLabel('Month', { exact: true }).inputValue(), '2026-10')
  })
}

t.test('a record shows its rows, the snapshots that hold it, and what differs', async (t) => {
  const [row] = await sql(service.source, 'SELECT id FROM conversations.conversations ORDER BY id LIMIT 1')
  const id = String(row!['id'])
  await service.call(
    'POST',
    '/snapshots',
    { dataset: 'conversations', scope: { keys: [id] } },
    { prefer: 'wait=30' },
  )
  await sql(service.source, `UPDATE conversations.conversations SET title = '${evil}' WHERE id = '${id}'`)
  const page = await browser.open({ as: 'operator' })
  await page.goto('/datasets/conversations/records?q=onerror')
  await page.getByRole('link', { name: evil, exact: true }).click()
  await page.getByRole('heading', { name: evil, level: 1 }).waitFor()
  t.same(await accessibilityProblems(page), [])
  t.match(await page.getByRole('heading', { name: /^turns/ }).textContent(), /\d+ rows/)
  await page.getByRole('link', { name: 'What differs' }).click()
  await page.getByRole('heading', { name: 'What happened to it since' }).waitFor()
  t.match(await page.locator('.after').textContent(), evil)
  await page.getByLabel('Reason to hold it').fill('A court asked for it')
  await page.getByRole('button', { name: 'Hold', exact: true }).click()
  await page.waitForURL('**/holds/*')
  await page.goto(`/datasets/conversations/records/${id}`)
  await page.getByText('A court asked for it').waitFor()
  t.ok(await page.getByRole('button', { name: 'Lift' }).isVisible())

  await sql(service.source, `DELETE FROM conversations.conversations WHERE id = '${id}'`)
  await page.reload()
  await page.getByText('The record is gone from the source').waitFor()
  await page.getByRole('link', { name: 'Restore this record only' }).click()
  await page.getByRole('heading', { name: 'Restore', level: 1 }).waitFor()
  t.equal(await page.getByLabel('Keys').inputValue(), id)
  const answer = await page.goto('/datasets/conversations/records/00000000-0000-0000-0000-000000000000')
  t.equal(answer?.status(), 404)
})

t.test('what is wrong with a dataset file is named with its line, and secrets are not shown', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-datasets-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(
    join(folder, 'broken.yaml'),
    `dataset: broken\ntitle: "${evil}"\nrecords:\n  table: chat.sesions\n`,
  )
  await writeFile(
    join(folder, 'chat.yaml'),
    'dataset: chat\nrecords:\n  table: chat.sessions\nnotify:\n  telegram:\n    chatId: "1"\n    botToken: ${TELEGRAM_BOT_TOKEN:-}\n',
  )
  const environment = { HOLDFAST_DATASETS: folder, TELEGRAM_BOT_TOKEN: '123456:a-secret-nobody-sees' }
  const other = await snapshotService(t, { environment })
  const page = await (await startBrowser(t, other.app)).open({ as: 'viewer' })
  await page.goto('/datasets')
  await page.getByRole('link', { name: evil }).click()
  await page.getByText("This dataset can't be used as it is").waitFor()
  t.match(await page.locator('tbody').textContent(), /broken\.yaml:4/)
  t.match(await page.locator('tbody').textContent(), /did you mean "chat.sessions"/)
  await page.goto('/datasets/chat')
  t.match(await page.locator('pre').textContent(), /chatId/)
  t.notMatch(await page.content(), 'a-secret-nobody-sees')
})
