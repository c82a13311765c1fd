import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { sql, testDatabase } from '../support/postgres.ts'
import { listeningService, token } from './service.ts'
import { openShell } from './shell.ts'

/** Like none of the five: quoted names, composite keys, a tree, many to many, partitions, enums, generated columns. */
const schema = `
  CREATE SCHEMA "Front Office";
  CREATE TYPE "Front Office"."Grade" AS ENUM ('Junior', 'Senior "Plus"');
  CREATE TABLE "Front Office"."Desk" (
    region char(2), "No" integer, "Title" text NOT NULL, "bossRegion" char(2), "bossNo" integer,
    upper_title text GENERATED ALWAYS AS (upper("Title")) STORED, opened date NOT NULL,
    PRIMARY KEY (region, "No"),
    FOREIGN KEY ("bossRegion", "bossNo") REFERENCES "Front Office"."Desk" (region, "No") DEFERRABLE);
  CREATE TABLE "Front Office"."Skill" (id serial PRIMARY KEY, "Name" text NOT NULL UNIQUE);
  CREATE TABLE "Front Office"."Desk Skill" (
    region char(2), desk_no integer, skill_id integer REFERENCES "Front Office"."Skill",
    grade "Front Office"."Grade" NOT NULL, PRIMARY KEY (region, desk_no, skill_id),
    FOREIGN KEY (region, desk_no) REFERENCES "Front Office"."Desk" (region, "No") ON DELETE CASCADE);
  CREATE TABLE "Front Office"."Call Log" (
    region char(2), desk_no integer, at timestamptz, seconds numeric, PRIMARY KEY (region, desk_no, at),
    FOREIGN KEY (region, desk_no) REFERENCES "Front Office"."Desk" (region, "No") ON DELETE CASCADE
  ) PARTITION BY RANGE (at);
  CREATE TABLE "Front Office"."Calls 2025" PARTITION OF "Front Office"."Call Log"
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE "Front Office"."Calls later" PARTITION OF "Front Office"."Call Log" DEFAULT;
  INSERT INTO "Front Office"."Desk" (region, "No", "Title", "bossRegion", "bossNo", opened)
    SELECT 'EU', n, 'Desk ' || n, CASE WHEN n > 1 THEN 'EU' END, CASE WHEN n > 1 THEN n / 2 END, '2025-06-01'::date + n
    FROM generate_series(1, 40) n;
  INSERT INTO "Front Office"."Skill" ("Name") VALUES ('Fixing'), ('Selling'), ('"Quoting"');
  INSERT INTO "Front Office"."Desk Skill" SELECT 'EU', n, 1 + n % 3, 'Senior "Plus"' FROM generate_series(1, 40) n;
  INSERT INTO "Front Office"."Call Log"
    SELECT 'EU', n, '2025-12-30'::timestamptz + h * interval '9 hours', n * 1.50
    FROM generate_series(1, 40) n, generate_series(1, 10) h`

const tables = ['"Desk"', '"Skill"', '"Desk Skill"', '"Call Log"']

t.test('a schema unlike the five: propose, snapshot, damage, restore, undo, export, clean up', async (t) => {
  const source = await testDatabase(t)
  await sql(source, schema)
  const { folder } = await openShell(t)
  const datasets = join(folder, 'datasets')
  await mkdir(datasets)
  const { url } = await listeningService(t, source, { HOLDFAST_DATASETS: datasets })
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${url}/api${path}`, {
      method,
      headers: {
        ...{ authorization: `Bearer ${token}`, prefer: 'wait=60' },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return (text.startsWith('{') ? JSON.parse(text) : text) as T
  }
  const state = async () =>
    Promise.all(
      tables.map((table) => sql(source, `SELECT r::text FROM "Front Office".${table} r ORDER BY 1`)),
    )
  const before = await state()

  const draft = await ask<{ yaml: string }>('POST', '/datasets/proposals', {
    source: 'app',
    table: 'Front Office.Desk',
  })
  await writeFile(join(datasets, 'desks.yaml'), draft.yaml)
  const name = /^dataset: (\S+)/m.exec(draft.yaml)![1]!
  let dataset: { problems: unknown[] } | null = null
  while (dataset === null)
    dataset = await ask<{ problems: unknown[] }>('GET', `/datasets/${name}`).catch(() => null)
  t.strictSame(dataset.problems, [], 'the draft loads as it is')

  const taken = await ask<Said>('POST', '/snapshots', { dataset: name })
  t.equal(taken.status, 'completed')
  t.strictSame(taken.counts, {
    'Front Office.Desk': 40,
    'Front Office.Desk Skill': 40,
    'Front Office.Call Log': 400,
  })

  await sql(
    source,
    `DELETE FROM "Front Office"."Desk" WHERE "No" > 20;
     UPDATE "Front Office"."Desk" SET "Title" = 'Ruined', "bossRegion" = NULL, "bossNo" = NULL WHERE "No" BETWEEN 2 AND 5;
     DELETE FROM "Front Office"."Call Log" WHERE at < '2026-01-01'`,
  )
  const damaged = await state()
  const apply = async (planned: Said) =>
    ask<Said>('POST', `/restores/${planned.id}/application`, { planHash: planned.planHash })
  const restored = await apply(await ask<Said>('POST', '/restores', { snapshotId: taken.id }))
  t.equal(restored.status, 'completed')
  t.strictSame(await state(), before, 'every row is as it was, in its partition')
  const undone = await apply(await ask<Said>('POST', `/restores/${restored.id}/undo`))
  t.strictSame(await state(), damaged, 'the undo brings the damage back, exactly')
  await apply(await ask<Said>('POST', `/restores/${undone.id}/undo`))
  t.strictSame(await state(), before)

  for (const format of ['json', 'csv', 'pdf']) {
    const made = await ask<Said>('POST', '/exports', { dataset: name, format })
    t.match(made, { status: 'completed', counts: taken.counts }, format)
  }

  const cleanup = {
    dataset: name,
    scope: {
      keys: [
        ['EU', 40],
        ['EU', 39],
        ['EU', 1],
      ],
    },
    target: 'records',
  }
  const preview = await ask<Said>('POST', '/cleanups', cleanup)
  const cleaned = await ask<Said>('POST', '/cleanups', {
    ...{ ...cleanup, confirmDelete: true, planHash: preview.planHash },
  })
  t.equal(cleaned.status, 'completed')
  t.strictSame(
    await sql(source, `SELECT "No" FROM "Front Office"."Desk" WHERE "No" IN (1, 39, 40)`),
    [{ No: 1 }],
    'the desk that others report to stays',
  )
  await apply(await ask<Said>('POST', `/cleanups/${cleaned.id}/undo`))
  t.strictSame(await state(), before, 'and everything is back')
})

interface Said {
  id: string
  status: string
  planHash: string
  counts: object
}
