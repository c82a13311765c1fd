import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createConfig } from '@redocly/openapi-core'
import type { FastifyInstance } from 'fastify'
import openapiTypescript, { astToString } from 'openapi-typescript'
import type { Test } from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '../..')

/**
 * Does what a stranger would do: generates types from `/openapi.json`, checks a program that is written against them, and
 * loads it.
 * @param program a file of test/clients; it finds the types as `./schema.ts`
 * @returns what the program exports
 * @throws when the document is no OpenAPI 3.1, or the program doesn't fit it
 */
export async function loadClient<Program>(t: Test, app: FastifyInstance, program: string): Promise<Program> {
  await mkdir(join(root, '.tap'), { recursive: true })
  const directory = await mkdtemp(join(root, '.tap/client-')) // inside the project, so that imports resolve
  t.teardown(() => rm(directory, { recursive: true }))
  const copy = join(directory, basename(program))
  await copyFile(join(root, 'test/clients', program), copy)
  await writeFile(join(directory, 'schema.ts'), await generateTypes(app))
  const problems = check(copy)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return (await import(pathToFileURL(copy).href)) as Program
}

/** TypeScript for openapi-fetch. The document is validated against the structure of OpenAPI 3.1 on the way. */
export async function generateTypes(app: FastifyInstance): Promise<string> {
  const document = (await app.inject('/openapi.json')).body
  const redocly = await createConfig({ rules: { struct: 'error', 'operation-operationId-unique': 'error' } })
  return astToString(await openapiTypescript(document, { redocly }))
}

function check(file: string): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const program = ts.createProgram([file], options)
  return ts.getPreEmitDiagnostics(program).map(({ messageText, start, file: place }) => {
    const line = place && start !== undefined ? place.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${basename(place?.fileName ?? '')}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}
