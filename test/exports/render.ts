import type { Test } from 'tap'
import type { Scope } from '../../src/datasets/scope.ts'
import { renderExport } from '../../src/exports/render-export.ts'
import type { ExportFormat } from '../../src/exports/rendering.ts'
import type { Declaration } from '../../src/datasets/definition.ts'
import { testEngine } from '../support/engine.ts'

/** A database of its own, and its records as files, without the service around them. */
export async function renderer(t: Test, schema: string, declaration: Declaration) {
  const engine = await testEngine(t, schema, declaration)
  async function render(
    format: ExportFormat,
    { scope = { all: true }, includeChildren = true }: { scope?: Scope; includeChildren?: boolean } = {},
  ): Promise<Buffer> {
    const chunks: Buffer[] = []
    await renderExport(
      {
        source: engine.source,
        dataset: engine.dataset,
        scope,
        format,
        includeChildren,
        title: null,
        createdBy: 'somebody@example.com',
        now: () => new Date('2026-11-20T10:00:00Z'),
      },
      async (pieces) => {
        for await (const piece of pieces) chunks.push(piece)
      },
    )
    return Buffer.concat(chunks)
  }
  return { engine, render }
}
