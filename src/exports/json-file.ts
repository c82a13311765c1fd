import { captureText } from '../snapshots/capture.ts'
import { plainExpression } from '../source/values.ts'
import type { Rendering } from './rendering.ts'

const opening = Buffer.from('[\n')
const between = Buffer.from(',\n')
const closing = Buffer.from('\n]\n')
const empty = Buffer.from('[]\n')

/** A JSON array of the records with their children, one record a line. PostgreSQL prints them; nothing is parsed. */
export async function* jsonFile({ instant, dataset, condition, tally }: Rendering): AsyncGenerator<Buffer> {
  let isEmpty = true
  for await (const { text, rows } of captureText(instant, dataset, condition, plainExpression, between)) {
    if (isEmpty) yield opening
    isEmpty = false
    tally.add(rows)
    yield text
  }
  yield isEmpty ? empty : closing
}
