import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { keyText } from '../holds/hold.ts'
import type { ArtifactRecord } from '../snapshots/artifact-reader.ts'
import { captureFewRecords, lockRecords } from '../snapshots/capture.ts'
import { keyCondition, type KeyValue } from '../source/keys.ts'
import { linksInto, printKey, type Link } from './links.ts'
import type { LeftAlone } from './plan.ts'
import { presentKeys, recordsPointing } from './remove-queries.ts'
import { exclusionsQuery } from './survey-queries.ts'
import type { Verdict } from './verdict.ts'

/**
 * Reads the records as they are now and locks all their rows, in one go. What is read of a record must be what the
 * artifact holds of it, to the byte; of all others it is told why they stay.
 */
export async function lockAndCompare(
  client: pg.ClientBase,
  dataset: Dataset,
  records: ArtifactRecord[],
  verdict: Verdict,
): Promise<void> {
  const stored = storedLines(records)
  const differing: ArtifactRecord[] = []
  const absent = new Map(records.map((record) => [keyText(record.key), record]))
  for await (const batch of lockRecords(client, dataset, among(dataset, records))) {
    for (const { key, json, rows } of batch) {
      const text = keyText(key)
      if (stored.get(text)?.equals(json)) verdict.prove(key, rows)
      else if (stored.has(text)) differing.push(absent.get(text)!)
      absent.delete(text)
    }
  }
  await explainDiffering(client, dataset, differing, verdict)
  await explainAbsent(client, dataset, [...absent.values()], verdict)
}

const among = ({ root }: Dataset, records: { key: KeyValue[] }[]) =>
  keyCondition(
    't0',
    root.key,
    records.map(({ key }) => key),
  )

const storedLines = (records: ArtifactRecord[]) =>
  new Map(records.map(({ key, json }) => [keyText(key), json]))

/** Rows that could not be locked were left out. If all that is there is as it was, it is those. */
async function explainDiffering(
  client: pg.ClientBase,
  dataset: Dataset,
  differing: ArtifactRecord[],
  verdict: Verdict,
): Promise<void> {
  if (differing.length === 0) return
  const stored = storedLines(differing)
  for await (const batch of captureFewRecords(client, dataset, among(dataset, differing)))
    for (const { key, json } of batch)
      if (stored.get(keyText(key))?.equals(json))
        verdict.leave(key, 'LOCKED', 'The application was using rows of it.')
  for (const { key } of differing) verdict.leave(key, 'CHANGED', 'It changed since it was captured.')
}

/** What could not be locked is either gone or in use. */
async function explainAbsent(
  client: pg.ClientBase,
  dataset: Dataset,
  absent: ArtifactRecord[],
  verdict: Verdict,
): Promise<void> {
  if (absent.length === 0) return
  const { rows } = await client.query<{ tag: string }>(
    presentKeys(
      dataset.root,
      absent.map(({ key }) => key),
    ),
  )
  const there = new Set(rows.map(({ tag }) => keyText(JSON.parse(tag) as KeyValue[])))
  for (const { key } of absent) {
    if (there.has(keyText(key))) verdict.leave(key, 'LOCKED', 'The application was using it.')
    else verdict.leave(key, 'GONE', 'It was gone already.')
  }
}

/** Leaves alone what must stay although it is as it was. @param ours which our own database says must stay */
export async function spare(
  client: pg.ClientBase,
  dataset: Dataset,
  verdict: Verdict,
  ours: (keys: KeyValue[][]) => Promise<LeftAlone[]>,
): Promise<void> {
  for (const { key, code, detail } of await ours(verdict.going())) verdict.leave(key, code, detail)
  const links = linksInto(dataset)
  if (links.length === 0 && dataset.root.protect === null) return
  const condition = keyCondition('t0', dataset.root.key, verdict.going())
  const query = exclusionsQuery(dataset, condition, [], links)
  const { rows } = await client.query<{ tag: string; reason: string; n: string }>(query)
  for (const { tag, reason, n } of rows) {
    const key = JSON.parse(tag) as KeyValue[]
    if (reason === 'P') verdict.leave(key, 'PROTECTED', 'The record is protected.')
    else verdict.leave(key, 'REFERENCED', pointing(links[Number(reason.slice(1))]!, Number(n)))
  }
  if (rows.length > 0) await spareAlong(client, dataset, verdict, condition)
}

/** Each that stays may be what keeps another, which keeps another again. @param condition of those asked about */
async function spareAlong(
  client: pg.ClientBase,
  dataset: Dataset,
  verdict: Verdict,
  condition: string,
): Promise<void> {
  const pointers = new Map<string, { target: KeyValue[]; detail: string }[]>()
  for (const link of linksInto(dataset).filter(({ holders }) => holders.length > 0)) {
    const query = recordsPointing(dataset.root, link, condition)
    const { rows } = await client.query<{ holder: string | null; target: string; n: number }>(query)
    for (const { holder, target, n } of rows) {
      const from = holder === null ? '' : keyText(JSON.parse(holder) as KeyValue[])
      const found = { target: JSON.parse(target) as KeyValue[], detail: pointing(link, n) }
      pointers.set(from, [...(pointers.get(from) ?? []), found])
    }
  }
  const staying = [...pointers.keys()].filter((holder) => !verdict.goes(holder))
  for (const holder of staying)
    for (const { target, detail } of pointers.get(holder) ?? []) {
      if (!verdict.goes(keyText(target))) continue
      verdict.leave(target, 'REFERENCED', detail)
      staying.push(keyText(target))
    }
}

function pointing({ key }: Link, rows: number): string {
  return `${rows === 1 ? 'A row that stays points' : `${rows} rows that stay point`} at it: ${printKey(key)}.`
}
