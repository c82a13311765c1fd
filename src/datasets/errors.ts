import { defineProblems, type Problem } from '../platform/errors.ts'
import { printProblem, type DatasetProblem } from './problem-list.ts'

/** What can be wrong with a dataset, or with what is asked of one. */
export const datasetProblems = defineProblems({
  DATASET_UNKNOWN: {
    status: 404,
    title: 'There is no such dataset',
    hint: 'GET /api/datasets lists those there are. A new one is a YAML file in the datasets folder; it is picked up without a restart.',
  },
  DATASET_INVALID: {
    status: 409,
    title: "The dataset's file has problems",
    hint: 'Mend what `errors` lists, each with file and line; the file is read again by itself. Until then nothing is done with this dataset.',
  },
  DATASET_WITHOUT_DATES: {
    status: 400,
    title: 'The dataset has no dates to go by',
    hint: 'Months and periods need `dates` under `records` in the dataset file: the column they go by. Ask for keys, or for all.',
  },
  SCOPE_INVALID: {
    status: 400,
    title: 'The scope is not valid',
    hint: 'Give exactly one of all, keys, month, or from and to; mend what `errors` lists. More than 10,000 keys: use a month or a period, or several calls.',
  },
  RECORD_NOT_FOUND: {
    status: 404,
    title: 'There is no such record',
    hint: 'GET /api/datasets/:dataset/records finds records by text and period.',
  },
  TABLE_NOT_PROPOSABLE: {
    status: 422,
    title: 'No dataset can be drafted from this table',
    hint: "The detail says why. The table's records need a primary key or another unique, NOT NULL key, and types that come back exactly.",
  },
})

/** The problem of a dataset whose file is wrong, with all that is wrong in it. */
export function invalidDataset(name: string, problems: readonly DatasetProblem[]): Problem {
  const first = problems[0] === undefined ? '' : `: ${printProblem(problems[0])}`
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
  return datasetProblems.DATASET_INVALID(`dataset "${name}"${first}${more}`, {
    errors: problems.map(({ file, line, path, detail }) => ({
      pointer: `${file}:${line}`,
      detail: path === '' ? detail : `${path}: ${detail}`,
    })),
  })
}
