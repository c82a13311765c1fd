import { fieldsOfScope } from '../datasets/scope-link.ts'
import type { GateVerdict } from './verdict.ts'

/** A verdict as pages show it: with the fields of the form after which the gate is open. */
export function describeVerdict({
  dataset,
  operation,
  scope,
  open,
  detail,
  maxAge,
  snapshot,
  clearWith,
}: GateVerdict) {
  return {
    ...{ dataset, operation, open, detail, maxAge, snapshot },
    clearing: clearWith && { dataset, ...fieldsOfScope(scope), reuseWithin: clearWith.body.reuseWithin },
  }
}
