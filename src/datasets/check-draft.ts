import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import { readCatalog } from '../source/read-catalog.ts'
import type { DatasetProblem } from './problem-list.ts'
import { parseDatasetFile } from './read-file.ts'
import { resolveDataset } from './resolve.ts'

/** What a file of this text would come to; its name isn't known yet. */
export interface CheckedDraft {
  /** The dataset's name in the text. */
  name: string
  problems: DatasetProblem[]
}

/**
 * Checks the text of a dataset file as loading it would. Variables have their defaults: what the service's environment
 * holds is not for whoever writes a draft.
 * @throws nothing for what is in the text
 */
export async function checkDraft(app: FastifyInstance, yaml: string): Promise<CheckedDraft> {
  const draft = parseDatasetFile('draft.yaml', yaml, {})
  const { file, name, declaration, lineOf } = draft
  if (declaration === null) return { name, problems: draft.problems }
  const taken = app.datasets.list().find((dataset) => dataset.name === name)
  const clash = `the name "${name}" is taken by ${taken?.file}; saved under that file name, the draft replaces it`
  const noted =
    taken === undefined ? [] : [{ file, line: lineOf(['dataset']), path: 'dataset', detail: clash }]
  try {
    const source = app.datasets.source({ source: declaration.source ?? 'app' })
    const catalog = await source.withConnection(readCatalog)
    const { problems } = resolveDataset(declaration, catalog, { file, lineOf, timezone: app.config.timezone })
    return { name, problems: [...(problems ?? []), ...noted] }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { name, problems: [{ file, line: lineOf(['source']), path: 'source', detail: error.message }] }
  }
}
