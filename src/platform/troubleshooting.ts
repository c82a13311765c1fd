/** An error as `GET /problems` lists it. */
export interface ListedProblem {
  code: string
  status: number
  title: string
  hint: string
}

const opening = `# Troubleshooting

Every error that Holdfast answers with, by its \`code\`: the same text that \`/problems/<CODE>\` on a running instance shows.
An answer's \`detail\` says what it was this time, \`errors\` lists everything that is wrong with the input, and
\`requestId\` is the line to look for in the log. "Unreachable" never means damaged, nor the reverse.
`

/** The manual's page of all errors. */
export function troubleshooting(problems: readonly ListedProblem[]): string {
  const sections = problems.map(
    ({ code, status, title, hint }) => `## ${code}\n\n${title} (HTTP ${status}).\n\n${hint}\n`,
  )
  return [opening, ...sections].join('\n')
}
