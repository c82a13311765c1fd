import t from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { accessibilityProblems, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

t.test('a member finds the records that name them, and nothing else, on any page', async (t) => {
  const service = await snapshotService(t)
  const browser = await startBrowser(t, service.app)
  const rooms = await sql(service.source, 'SELECT id, title FROM deal_rooms.rooms ORDER BY id LIMIT 2')
  const [mine, other] = rooms as [Record<string, string>, Record<string, string>]
  await sql(
    service.source,
    `INSERT INTO deal_rooms.parties (room_id, email, name, role) VALUES ($1, 'member@example.com', 'Me', 'owner')`,
    [mine['id']],
  )
  const foreign = await take(service, { dataset: 'deal-rooms', scope: { keys: [other['id']] } })
  await take(service, { dataset: 'chat' })

  const page = await browser.open({ as: 'member' })
  await page.goto('/')
  const own = page.getByRole('region', { name: 'Deal rooms' })
  t.equal(await own.locator('tbody tr').count(), 1, 'the first page has the records that name them')
  t.match(await own.locator('tbody tr').textContent(), mine['title'])
  t.match(await own.locator('tbody tr').textContent(), /owner.*take snapshots and exports/is)
  t.equal(await own.getByText('None yet.').count(), 2, "and nothing of anybody else's")
  t.same(await accessibilityProblems(page), [])
  await page.goto('/datasets')
  t.same(await page.locator('tbody tr').count(), 1, 'one dataset names people')
  t.same(await accessibilityProblems(page), [])
  await page.getByRole('link', { name: 'Deal rooms', exact: true }).click()
  await page.getByRole('heading', { name: 'Records' }).waitFor()
  t.equal(await page.locator('tbody tr').count(), 1)
  t.match(await page.locator('tbody').textContent(), mine['title'])
  t.same(await accessibilityProblems(page), [])

  await page.getByRole('link', { name: mine['title']!, exact: true }).click()
  await page.getByRole('heading', { name: 'Snapshots that hold it' }).waitFor()
  t.match(await page.locator('main').textContent(), 'None yet', 'those of others are not for them')
  t.same(await accessibilityProblems(page), [])
  t.equal((await page.goto(`/datasets/deal-rooms/records/${other['id']}`))?.status(), 403)
  await page.goBack()

  await page.getByRole('link', { name: 'Take snapshot' }).click()
  t.match(await page.locator('#preview').textContent(), /1 record/)
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  t.ok(await page.getByRole('link', { name: 'Download' }).isVisible())
  t.equal(await page.getByRole('link', { name: 'Restore' }).count(), 0)
  t.same(await accessibilityProblems(page), [])

  await page.goto('/')
  t.equal(await own.getByRole('listitem').count(), 1, 'the first page shows what was made of them last')
  await page.goto('/snapshots')
  t.equal(await page.locator('tbody tr').count(), 1)
  const refused = await page.goto(`/snapshots/${foreign.id}`)
  t.equal(refused?.status(), 403)
  t.match(await page.locator('main').textContent(), 'You are not a party to')
  t.notMatch(await page.locator('main').textContent(), other['title'])

  await page.goto(`/exports/new?keys=${mine['id']}`)
  t.equal(await page.getByRole('navigation', { name: 'Dataset' }).getByRole('link').count(), 1)
  t.equal(await page.getByLabel('Last month').count(), 0, 'ranges are of no use to them')
  t.match(await page.locator('#preview').textContent(), /1 record/)
  t.same(await accessibilityProblems(page), [])
  await page.getByRole('button', { name: 'Make export' }).click()
  await page.getByRole('link', { name: /^Download/ }).waitFor()
  await page.goto(`/exports/new?dataset=deal-rooms&keys=${other['id']}`)
  t.match(await page.locator('#preview').textContent(), 'Only records that name you')
  await page.getByRole('button', { name: 'Make export' }).click()
  await page.locator('#errors').waitFor()
  t.match(await page.locator('#errors').textContent(), 'You are not a party to')
  for (const closed of [
    '/restores/new',
    '/datasets/deal-rooms',
    '/datasets/deal-rooms/gate',
    '/datasets/proposals/new',
  ])
    t.equal((await page.goto(closed))?.status(), 403, closed)

  await page.goto('/snapshots/new?dataset=deal-rooms')
  t.same(await page.getByLabel('Dataset').locator('option').count(), 1)
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
  await page.locator('#errors').waitFor()
  t.match(await page.locator('#errors').textContent(), /single records/)
})
