import type { FastifyInstance } from 'fastify'
import type { Report, Reporter, Verdict } from './group-commit.ts'

/** What a worker says of items. */
export interface Checkpoint extends Reporter {
  completed?: (string | { id: string; result?: object | null })[]
  failed?: { id: string; error: string | { code: string; detail: string }; final?: boolean }[]
}

export interface CheckpointResult {
  accepted: number
  repeated: number
  refused: { id: string; code: Exclude<Verdict, 'accepted' | 'repeated'>; detail: string }[]
}

const details = {
  LEASE_LOST: 'Its lease ran out and somebody else has it, or had it.',
  ITEM_SETTLED: 'It is settled already, with the other outcome.',
  ITEM_UNKNOWN: 'The batch has no such item.',
}

/** Records what became of items: when it resolves that is committed. What is refused leaves the rest as it is. */
export async function checkpointItems(
  app: FastifyInstance,
  batchId: string,
  { completed = [], failed = [], lease, worker }: Checkpoint,
): Promise<CheckpointResult> {
  const reports: Report[] = [...completed.map(asCompleted), ...failed.map(asFailed)]
  const verdicts = await app.batches.commits.report(batchId, reports, { lease, worker })
  const result: CheckpointResult = { accepted: 0, repeated: 0, refused: [] }
  for (const [i, verdict] of verdicts.entries()) {
    if (verdict === 'accepted' || verdict === 'repeated') result[verdict] += 1
    else result.refused.push({ id: reports[i]!.id, code: verdict, detail: details[verdict] })
  }
  return result
}

function asCompleted(item: NonNullable<Checkpoint['completed']>[number]): Report {
  const { id, result = null } = typeof item === 'string' ? { id: item } : item
  return { id, outcome: { completed: true, result } }
}

function asFailed({ id, error, final = false }: NonNullable<Checkpoint['failed']>[number]): Report {
  const described = typeof error === 'string' ? { code: 'FAILED', detail: error } : error
  return { id, outcome: { completed: false, error: described, final } }
}
